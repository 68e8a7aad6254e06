"""Makes the static encoder that ships: teacher's vectors, vocabulary, fit, and a sentence-transformers directory."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import distil
from training.datasets import held_out_ids, read_rows
from training.distil import DistilConfig, Taught, Vectors

TEACHER_BATCH = 64


def teaching_texts(shared: Path) -> tuple[list[str], list[str]]:
    """What the encoder learns from: whole texts and segmented ones joined again; then single sentences.

    Messages of the public board that measure cases and search (`e3-`), and all held-out ids, are left out.
    """
    held_out = held_out_ids(shared)
    board = shared / "data" / "tipdm2020c"
    messages = [
        row
        for row in read_rows(board / "messages.jsonl.gz")
        if row["id"].startswith("e4-") and row["id"] not in held_out
    ]
    raw = [row for row in read_rows(board / "domain_raw.jsonl.gz") if row["id"] not in held_out]
    calls = [row["text"] for row in read_rows(shared / "data" / "channels" / "labelled.jsonl.gz")]
    whole = [f"{row.get('title') or ''}\n{row['text']}" for row in [*messages, *raw]] + calls
    replies = [row["reply"] for row in messages if row.get("reply")]
    joined = [row["tokens"].replace(" ", "") for row in read_rows(board / "domain_train.jsonl.gz")]
    return whole + joined, distil.sentences(whole + replies)


def taught(teacher: Any, texts: Sequence[str], work: Path, progress: Callable[[str], None]) -> Taught:
    """The teacher's vectors of some texts, kept in the work directory so that a second run need not wait for them."""
    name = hashlib.sha256("\x00".join(texts).encode()).hexdigest()[:16]
    path = work / f"teacher-{name}.npy"
    if not path.exists():
        progress(f"教师模型编码 {len(texts)} 段文本")
        vectors = teacher.encode(
            list(texts),
            batch_size=TEACHER_BATCH,
            prompt_name="passage",
            normalize_embeddings=True,
            convert_to_tensor=True,
        )
        np.save(path, vectors.float().numpy().astype(np.float16))
    return Taught(list(texts), np.load(path).astype(np.float32))


def make(
    shared: Path, teacher_path: Path, output: Path, work: Path, config: DistilConfig, say: Callable[[str], None]
) -> None:
    """Distil and save.

    Args:
        shared: directory of the shared data.
        teacher_path: a sentence-transformers directory.
        output: the encoder's directory.
        work: where the teacher's vectors are kept between runs.
        config: see `DistilConfig`.
        say: told what is being done.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    work.mkdir(parents=True, exist_ok=True)
    teacher = SentenceTransformer(str(teacher_path), device="cpu", model_kwargs={"dtype": torch.bfloat16})
    teacher.max_seq_length = 512
    whole, parts = teaching_texts(shared)
    of_texts, of_parts = taught(teacher, whole, work, say), taught(teacher, parts, work, say)
    frequencies = distil.vocabulary([*whole, *parts], config)
    tokenizer = distil.build_tokenizer(frequencies)
    say(f"词表 {len(frequencies)} 词")
    base = np.concatenate([of_parts.vectors[::2], of_texts.vectors])
    mean, axes = distil.principal_axes(base, config.dimensions)
    single = distil.token_vectors(
        SentenceTransformer(str(teacher_path), device="cpu", model_kwargs={"dtype": torch.float32}), list(frequencies)
    )
    rows = np.concatenate(
        [
            np.zeros((1, config.dimensions), np.float32),
            distil.first_rows(single, list(frequencies.values()), axes, config.sif) * config.scale,
        ]
    ).astype(np.float32)
    texts = [*of_parts.texts, *of_texts.texts]
    ids = [[i for i in found.ids if i] or [0] for found in tokenizer.encode_batch(texts, add_special_tokens=False)]
    aims = np.concatenate([of_parts.vectors, of_texts.vectors]) - mean
    aims /= np.linalg.norm(aims, axis=1, keepdims=True)
    targets: Vectors = aims @ axes
    targets = (targets / np.linalg.norm(targets, axis=1, keepdims=True)).astype(np.float32)
    weights = np.concatenate(
        [np.ones(len(of_parts.texts), np.float32), np.full(len(of_texts.texts), config.text_weight, np.float32)]
    )
    say(f"拟合 {len(texts)} 段文本")
    fitted = distil.fit_rows(rows, ids, targets, weights, config)
    save(fitted, tokenizer, output, config)
    say(f"已写入 {output}")


def save(rows: Vectors, tokenizer: Any, output: Path, config: DistilConfig) -> None:
    """Write a sentence-transformers directory: static rows, the tokenizer, a normalising step, a card.

    The rows are kept as int8 with one scale a row, in the layout of a quantised model2vec model, which
    sentence-transformers reads back as float32: a quarter of the size, cosine to the float rows above 0.999.
    """
    from safetensors.numpy import save_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    output.mkdir(parents=True, exist_ok=True)
    whole, scale = quantised(rows)
    static = StaticEmbedding(tokenizer, embedding_weights=rows)
    model = SentenceTransformer(modules=[static, Normalize()], device="cpu")
    model.save(str(output), create_model_card=False)
    save_file({"embeddings": whole, "weights": scale}, output / "model.safetensors")
    (output / "distil.json").write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    card = {
        "tokens": len(rows),
        "dimensions": int(rows.shape[1]),
        "rows_sha256": hashlib.sha256(whole.tobytes() + scale.tobytes()).hexdigest(),
    }
    (output / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def quantised(rows: Vectors) -> tuple[NDArray[np.int8], Vectors]:
    """Rows as int8 (v, d) and one float32 scale a row (v,)."""
    scale = np.abs(rows).max(axis=1) / 127
    whole = np.round(rows / np.where(scale == 0, 1, scale)[:, None]).astype(np.int8)
    return whole, scale.astype(np.float32)
