"""Names of places and parties in a text: estates, roads, villages, schools, companies, sites.

They decide whether two complaints of the same matter speak of the same event: the same plant is one case, the plant at
another estate is another. A name is a generic ending (小区, 路, 公司 …) with the uncommon words right before it; its
*stem* is the uncommon part, by which 丽湾小区 and 丽湾花园二期 are known to be one place.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from nlp.frequency import background
from nlp.normalise import normalise
from nlp.segment import segmenter, stop_words

Kind = Literal["estate", "road", "village", "organisation", "line"]
KINDS: tuple[Kind, ...] = ("estate", "road", "village", "organisation", "line")

_ENDINGS: dict[Kind, str] = {
    "estate": "小区 花园 家园 公寓 大厦 广场 新城 新村 华府 公馆 名邸 名苑 雅苑 佳苑 嘉园 佳园 华庭 豪庭 庄园 国际 安置区 "
    "安置房 安置小区 楼盘 花苑 家苑 府邸 别墅 山庄 名城 商城 商贸城 国际城 华城 世家 名都 天下 公园里 水岸 一品 嘉苑 家属院 "
    "宿舍 工地 苑 府 湾 郡 庭 墅 城 园",
    "road": "大道 高速 立交 大桥 立交桥 环线 东路 西路 南路 北路 中路 公路 路口 路 街 巷 桥 隧道",
    "village": "社区 街道 新区 开发区 工业园 产业园 水库 村 镇 乡 组 湖 河 山",
    "organisation": "幼儿园 小学 中学 一中 二中 三中 学校 学院 大学 医院 卫生院 市场 商场 超市 酒店 宾馆 饭店 餐馆 夜宵城 驾校 搅拌站 "
    "加油站 变电站 垃圾站 中转站 基站 污水厂 采石场 石场 砖厂 有限公司 分公司 公司 集团 物业 地产 置业 物流 矿业 厂 "
    "KTV 网吧 养殖场 养猪场 银行",
    "line": "号线 路公交 路公交车 路车",
}
_KIND_OF = {ending: kind for kind in KINDS for ending in _ENDINGS[kind].split()}
_LONGEST = max(map(len, _KIND_OF))
_COMMON_SHARE = 0.004
"""A word of more complaints than this is none of a name's own words."""
_RUN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9]+")
_CODE = re.compile(r"[a-z]\d{1,2}")
_LINE = re.compile(r"(\d{1,3})\s*(号线|路公交|路车|路(?=[\u4e00-\u9fff]{0,3}(?:公交|车|线路|线)))")
_CLOSED = frozenset(
    "在是于至到的和与及对从向给被让把由去有为住某个位条家我你他她它该这那本各全每了着过也都就还又再很太更最不没无"
    "一二三四五六七八九十几两半多少大小上下前后左右内外中间东西南北老新旧原现将已可能会要想请求望投诉反映咨询"
    "市县区省州乡镇村组号栋期楼层户人年月日时分元万千百并而但或如因所以其此等同按以用到了吗呢吧啊呀谁何"
)
_NAMES_MAX = 24


@dataclass(frozen=True, slots=True)
class Name:
    """A specific name: its kind, its own words (`stem`), and itself as written (normalised)."""

    kind: Kind
    stem: str
    text: str


@lru_cache(maxsize=8192)
def named(text: str) -> tuple[Name, ...]:
    """Specific names in a masked text, in order of appearance, at most 24 different ones."""
    normal = normalise(text)
    found: dict[tuple[Kind, str], Name] = {}
    for match in _LINE.finditer(normal):
        found.setdefault(("line", match[1]), Name("line", match[1], match[0]))
    for run in _RUN.findall(normal):
        words = segmenter().cut(run)
        for place in range(len(words)):
            name = _name_at(words, place)
            if name is not None:
                found.setdefault((name.kind, name.stem), name)
        if len(found) >= _NAMES_MAX:
            break
    return tuple(found.values())[:_NAMES_MAX]


def _name_at(words: list[str], place: int) -> Name | None:
    """The name that ends with a word, if it does."""
    word = words[place]
    ending = _ending(word)
    if ending is None or (place + 1 < len(words) and words[place + 1] in _KIND_OF and len(word) > len(ending)):
        return None
    stem = word[: -len(ending)]
    if stem and (not _own(stem) or not _own(word)):
        return None
    reach = place - 1
    while reach >= 0 and place - reach <= 3 and len(stem) < 8 and _own(words[reach]):
        stem = words[reach] + stem
        reach -= 1
    stem = _bare(stem)
    if len(stem) < 2 or stem.isascii():
        return None
    return Name(_KIND_OF[ending], stem, stem + ending)


def _ending(word: str) -> str | None:
    for size in range(min(_LONGEST, len(word)), 0, -1):
        if word[-size:] in _KIND_OF:
            return word[-size:]
    return None


def _own(word: str) -> bool:
    """Whether a word may belong to a name: uncommon, and no grammatical word."""
    if len(word) == 1:
        return word not in _CLOSED and "\u4e00" <= word <= "\u9fff"
    if word.isascii() or word in stop_words():
        return False
    return background().share(word) < _COMMON_SHARE and not (word[0] in "的了在是我你他" or word[-1] in "的了在是")


def _bare(stem: str) -> str:
    return stem.lstrip("市县区省州号栋原从往去将把被由").strip("的在到至与和及是")


def names(text: str) -> frozenset[str]:
    """Specific names in a masked text as written, without their kinds."""
    return frozenset(name.text for name in named(text))


def same_stem(left: str, right: str) -> bool:
    """Whether two stems may be one: equal, or the shorter stands in the longer."""
    return left == right or (min(len(left), len(right)) >= 2 and (left in right or right in left))


def shared(left: frozenset[str], right: frozenset[str]) -> list[str]:
    """Names that both texts hold, the shorter form of each, longest first."""
    both = {
        min(a, b, key=len) for a in left for b in right if a == b or (min(len(a), len(b)) >= 3 and (a in b or b in a))
    }
    return sorted(both, key=lambda name: (-len(name), name))
