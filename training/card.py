"""The model card: what a package was made of, how well it reads, and where it does not (Mitchell et al. 2019)."""

from collections.abc import Mapping
from typing import Any

NAME = "MODEL_CARD.md"
_ORIGINS = {
    "board": "公开留言", "channels": "热线、应用、信访、网格", "raw": "只有领域的留言", "tokens": "只有领域的分词文本",
    "labels": "本项目标注的留言", "corpus": "本项目自写的文本", "file": "另加的标注",
}  # fmt: skip
_FIGURES = (
    ("domain_accuracy", "领域准确率"), ("kind_macro_f1", "性质 F1"), ("dispute_type_macro_f1", "纠纷 F1"),
    ("stage_macro_f1", "阶段 F1"), ("risk_level_kappa", "风险 kappa"), ("warnings_right", "预警正确"),
    ("warnings_found", "预警找到"), ("red_warned", "红色发出预警"),
)  # fmt: skip


def card(config: Mapping[str, Any]) -> str:
    """The card of a package, from its configuration."""
    rows = "\n".join(
        f"| {_ORIGINS.get(origin, origin)} | {count} |" for origin, count in sorted(config["rows"].items())
    )
    head = " | ".join(title for _, title in _FIGURES)
    figures = "\n".join(
        f"| {_ORIGINS.get(origin, origin)} | " + " | ".join(f"{found[name]:.3f}" for name, _ in _FIGURES) + " |"
        for origin, found in config["cross_validated"].items()
    )
    kept = "；".join(
        f"{_ORIGINS.get(origin, origin)}：领域 {found['domain_covered']:.0%}、阶段 {found['stage_covered']:.0%}、"
        f"风险 {found['risk_level_covered']:.0%}"
        for origin, found in config["cross_validated"].items()
    )
    return f"""# 模型卡：{config["version"]}

读一条诉求的领域、性质、纠纷类型、发展阶段、风险等级与九项风险因素。{_made(config)}
向量模型 `{config["encoder"]}`（{config["dimensions"]} 维）。输入为已遮盖个人信息的文本。

## 训练数据

| 来源 | 条数 |
| --- | --- |
{rows}

训练集 SHA-256：`{config["data_sha256"]}`。留出编号不参与训练。

## 指标（5 折交叉验证，近似重复不跨折）

| 来源 | {head} |
| --- |{" --- |" * len(_FIGURES)}
{figures}

置信度经温度校准。低于弃权线的标签请人复核；不弃权的比例：{kept}。

## 局限

- 阶段与少见的性质、纠纷读得最差；平静叙述的险情可能漏报，另有只升不降的规则兜底。
- 训练文本来自公开留言与虚构城市的通话、短文、信件、上报；换一座城市前，请先用本地标注评估，再以复核标注续训。
- 风险只评事，不评人；不得用于评价个人。
"""


def _made(config: Mapping[str, Any]) -> str:
    if config["family"] == "static":
        return "两级线性模型，只读文本向量（static）。"
    linear = "字词与向量的两级线性模型"
    if config["family"] == "linear":
        return f"{linear}（linear）。"
    reader = config["config"]["reader"]
    return f"{linear}，旁有微调的预训练模型 `{reader['base']}`（transformer），第二级兼读两者；后者以 {reader['folds']} 折交叉取分。"
