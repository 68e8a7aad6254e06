"""A small world to train in: sixty complaints that a careful reader would call easy, and a checkpoint that knows nothing."""

import random
from pathlib import Path

import pytest

from data_contracts.example import LabelledExample
from training.datasets import Sourced

MATTERS = (
    ("小区电梯坏了物业不修", "城乡建设", "投诉", "物业", "持续", "黄"),
    ("老板拖欠工资不给钱", "劳动和社会保障", "求助", "劳动争议", "反复", "橙"),
    ("学校几号报名要什么材料", "教育文体", "咨询", "非纠纷", "苗头", "蓝"),
    ("隔壁要拿刀砍人快来", "政法", "求助", "邻里", "激化", "红"),
)
WHEN = (
    "今天",
    "昨天",
    "上周",
    "前天",
    "月初",
    "年底",
    "早上",
    "夜里",
    "去年",
    "刚才",
    "中午",
    "周末",
    "最近",
    "五月",
    "八月",
)


@pytest.fixture(scope="session")
def examples() -> list[Sourced]:
    found = []
    for number, when in enumerate(WHEN):
        for text, domain, kind, dispute, stage, level in MATTERS:
            example = LabelledExample(
                id=f"{when}{domain}", channel="app", text=f"{when}{text}，在第{number}栋，{'请' * (number % 4)}处理",
                domain=domain, kind=kind, dispute_type=dispute, stage=stage, risk_level=level,
                factors=["人身安全"] if level == "红" else [],
            )  # fmt: skip
            found.append(Sourced(example, "board" if number % 2 else "channels"))
    random.Random(1).shuffle(found)
    return found


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, examples: list[Sourced]) -> Path:
    """The shared directory with a two-layer encoder of 32 dimensions and random weights in `models/tiny`."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    signs = ["<s>", "</s>", "<pad>", "<unk>", "<mask>"]
    known = sorted({char for item in examples for char in item.example.text})
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(signs + known)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    directory = tmp_path_factory.mktemp("shared") / "models" / "tiny"
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>",
        mask_token="<mask>",
    ).save_pretrained(directory)  # fmt: skip
    BertModel(
        BertConfig(
            vocab_size=len(signs) + len(known), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, pad_token_id=2,
        )
    ).save_pretrained(directory)  # fmt: skip
    return directory.parents[1]
