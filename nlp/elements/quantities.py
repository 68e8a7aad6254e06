"""Candidates for the sum in dispute and for the number of people affected: every quantity with its value and cues."""

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from nlp.elements.numbers import NUMBER, parse_number

QuantityKind = Literal["amount", "people"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One candidate: code points [start, end) and its value in yuan or in people or households."""

    start: int
    end: int
    value: float
    unit: str


_MORE = r"[多来余几把]{0,2}"
_MONEY_UNIT = r"(?:个?亿元?|万元|万块钱?|块钱|元|圆|块|rmb|RMB|人民币|钱)"
_PERSON = (
    r"(?:业主|村民|居民|住户|农户|户|家庭|市民|群众|老百姓|百姓|师生|学生|学员|同学|孩子|小孩|娃|幼儿|儿童|家长|老师|教师|职工|员工|工人|"
    r"民工|农民工|工友|师傅|老人|老年人|老乡|乘客|司机|驾驶员|旅客|游客|商户|商家|摊主|店主|消费者|会员|客户|顾客|投资人|投资者|受害|"
    r"债权人|出借人|购房者|租客|租户|患者|病人|人|妇女|女工|女生|男生|女孩|男孩|姑娘|小伙|兄弟|姐妹|崽|伢|妹|伙计|代表|退休|老兵|"
    r"军人|战友|志愿者|护工|医生|护士|干部|乡亲|邻居|街坊|寝室|宿舍|新生|考生|小学生|中学生|大学生|毕业生|股东|用户|车主|骑手|快递员)"
)
_NOT_PEOPLE = (
    r"(?:月|半月|多月|小时|钟|钟头|星期|礼拜|工作日|学期|季度|年|点|亿|平|字|问题|单元|车位|停车|项目|小区|村|组|镇|乡|区|县|市|部门|单位|"
    r"公司|地方|方面|摄像|路口|站|电话|星|多小时|周|门店|门面|店|楼|栋|电梯|水表|电表|基站|井|坑|洞|窗口|红绿灯|公道|说法|答复|厂|学校|"
    r"幼儿园|社区|街道|车|垃圾|灯|桶|网|号|证|合同|标段|数|人工|档|回合|多星期|来月|阀|瓶|罐|口子|表|包|袋|群|班|条|次|层|样|科|省|国)"
)
_NOT_MONEY = (
    r"(?:[年月日号点分时秒岁天周期栋楼层室座幢单户人名个家口位米里亩斤吨平㎡度台辆套张条次回遍届届路弄巷组村班级页字份本件间"
    r"所处把瓶箱包袋只头匹棵株亿%％‰\-:：/~～a-zA-Z]|公里|小时|平方|立方|多[年月日天个人户名家岁米里亩平次套台]|来[个户人名家天年里米]|余[人户名个亩家套年]|"
    r"几[年个岁户人天次]|公斤|厘米|毫米|千瓦|星期|钟头|车|国道|线|乡道|元素|楼|院|中学|小|热线|所|大队|标|章|工|桶|瓦|伏|学|把|匹|寸|栏)"
)
_NOT_LARGE = (
    r"(?:[年月日号点天周楼度张辆台套棵株只头匹斤吨亩平㎡米里字词名位户口人家]|个(?![价亿])|公里|平方|立方|吨|多[人户名家亩平字辆台套个次件]|"
    r"余[人户名家亩平字辆台套个]|家丽|达广|科|象城|国|业主|居民|村民|市民|住户|群众|师生|学生|公斤|方|伏|千瓦|元)"
)
_EDGE = r"(?<![\d.\-/A-Za-z*第])(?<!\d:)"
_PUBLIC_LINES = frozenset(
    {"12345", "12315", "12333", "12348", "12350", "12358", "12369", "12371", "12320", "10086", "10000", "10010"}
)
_PAID = re.compile(
    r"(?:补偿|补贴|补助|补|赔|收|交|缴|付|罚|退|欠|给|花|扣|领|押金|租金|工资|涨到|降到|要价?|卖|每人每年|每人|一年|一个月|每月|每年)$"
)
"""What stands before a number that would else look like a year or a date's part."""
_MEASURED = frozenset("棵支针盒个只条张份人户次天月年台套亩斤吨米平瓶包件辆间")
_ROUND = frozenset("百千万")
_SCALES = frozenset("十百千万亿拾佰仟wWkK")
_AMOUNT: Final = re.compile(
    rf"{_EDGE}(?P<number>(?>{NUMBER}))(?>{_MORE})\s?"
    rf"(?:(?P<unit>{_MONEY_UNIT})(?P<minor>[二三四五六七八九半\d](?:毛|角|分)?(?![\d.个次条年月天]))?|(?<=[万亿wW多来余几])(?!{_NOT_LARGE})(?P<large>)|(?!{_NOT_MONEY})(?P<bare>))"
)
_PEOPLE: Final = re.compile(
    rf"{_EDGE}(?P<number>(?>{NUMBER}))(?>{_MORE})\s?"
    rf"(?:(?P<unit>户人家|号人|户|名|位|口|人|家)(?![道庭]?[用住]?(?:电|水|门|型|均次|民币|行道|大代表|次|籍))|个(?!{_NOT_PEOPLE})(?P<piece>)|(?={_PERSON})(?P<noun>))"
)
_PAIR: Final = re.compile(
    r"(?:我们|咱们|他们|我俩|姐妹|兄弟|兄妹|母女|母子|父子|父女|夫妻|夫妇|老两|两|小两)(?P<pair>俩|仨|口子)|夫妻二人|夫妻两人"
)
_LOWER: Final = re.compile(rf"(?<![\d.])(?P<number>(?>{NUMBER}))(?:到|至|、|-|—|~|～|－)+$")
_PLAIN_YEAR = re.compile(r"(?:19|20)\d\d$")


def amount_candidates(text: str) -> list[Quantity]:
    """Every stretch of the normalised text that may be a sum of money, in yuan."""
    found = []
    for match in _AMOUNT.finditer(text):
        number, unit = match["number"], match["unit"]
        end = match.end()
        if unit is None and _ends_in_one(number, text, end):
            number, end = number[:-1], end - 1
        if unit is None and not _bare_sum(number, text, match.start()):
            continue
        value = parse_number(number)
        if value is None or value <= 0 or value > 1e13:
            continue
        if unit:
            value *= 1e8 if "亿" in unit else 1e4 if "万" in unit else 1.0
            if match["minor"] and "块" in unit:
                value += (parse_number(match["minor"][0]) or 0) / 10
        found.append(Quantity(match.start(), end, value, unit or ("万" if number[-1] in "万亿wW" else "")))
    return _with_ranges(text, found)


def _with_ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """A range counts from its lower end, which takes the unit of the upper one: 500到800万, 三、四千."""
    out: list[Quantity] = []
    for item in found:
        lower = _LOWER.search(text, max(0, item.start - 8), item.start)
        value = parse_number(lower["number"]) if lower else None
        if lower and value:
            scale = next((10.0**power for power in (0, 3, 4, 8) if item.value <= value * 10.0**power * 30), 1.0)
            scaled = value * scale
            if scaled < item.value and (not out or out[-1].end <= lower.start()):
                out.append(Quantity(lower.start(), item.start, scaled, item.unit))
        out.append(item)
    return out


def _bare_sum(number: str, text: str, start: int) -> bool:
    """A number without a unit is a candidate when it is long enough to be one and is no year or telephone number."""
    before = text[max(0, start - 5) : start]
    if number.isascii() and number.isdigit():
        if len(number) > 7 or number[0] == "0" or number in _PUBLIC_LINES:
            return False
        if _PAID.search(before):
            return True
        return len(number) >= 2 and not _PLAIN_YEAR.match(number) and before[-1:] not in tuple("〔[【第年月号路.")
    if len(number) >= 4 and not set(number) & _SCALES:
        # Digits read out one by one: a telephone number, a file's number, a year.
        return False
    if number == "千万":
        return text[max(0, start - 1) : start] in tuple("近上达数过额资")
    return len(number) >= 2 and number not in (
        "一一",
        "万一",
        "百千",
        "三三两两",
        "十一",
        "一二",
        "万千",
        "百万",
        "九九",
    )


def _ends_in_one(number: str, text: str, end: int) -> bool:
    """Whether the last digit counts what follows: in `两千一支` one thing costs two thousand."""
    return len(number) > 2 and number[-1] == "一" and number[-2] in _ROUND and text[end : end + 1] in _MEASURED


def people_candidates(text: str) -> list[Quantity]:
    """Every stretch of the normalised text that may count people or households."""
    found = []
    for match in _PEOPLE.finditer(text):
        number = match["number"]
        if len(number) > 2 and number[-1] == "一" and number[-2] in _ROUND:
            # `12万一个`: the price of one thing.
            continue
        if match["unit"] == "家" and number in ("一", "几", "十", "百"):
            continue
        if (
            number in ("万", "百", "千", "几", "数")
            and text[max(0, match.start() - 1) : match.start()] not in tuple("上近数过成达约")
            and "把" not in match.group()
        ):
            continue
        value = parse_number(number)
        if value is None or value < 1 or value > 2e9 or value != int(value):
            continue
        unit = match["unit"] or ("个" if match["piece"] is not None else "noun")
        found.append(Quantity(match.start(), match.end(), value, unit))
    for match in _PAIR.finditer(text):
        found.append(Quantity(match.start(), match.end(), 3.0 if match["pair"] == "仨" else 2.0, "pair"))
    return found


_CUES: Final[dict[QuantityKind, tuple[tuple[re.Pattern[str], int, int], ...]]] = {
    # (pattern, characters before the candidate that it sees, characters after it that it sees)
    "amount": tuple(
        (re.compile(pattern), before, after)
        for pattern, before, after in (
            (r"每|人均|单价|/|一个月|月|一天|一年|每年|/年|每亩|一亩|一平|/平|㎡|平米|平方", 6, 4),
            (r"合计|共计|一共|总共|总计|累计|总额|总价|加起来|前后|前前后后|高达|达|总", 7, 0),
            (r"欠|拖欠|没给|未付|不给|未结|没发|不发|剩|还差|余下", 8, 6),
            (r"退|返还|归还", 7, 6),
            (r"赔|补偿|补贴|补助|奖|拆迁款|征收", 7, 5),
            (r"交|缴|付|花|用|投|买|购|充|存|放|转|汇|打给|刷|垫", 5, 3),
            (r"收|要价|索|罚|扣|涨|多收|乱收|强制", 5, 3),
            (r"骗|被骗|损失|亏|卷|套|挪用|贪|侵吞|诈", 8, 5),
            (r"借|贷|利息|本金|欠条|首付|月供|还款", 6, 4),
            (
                r"工资|薪|工钱|劳务|工程款|货款|押金|定金|订金|保证金|学费|房款|维修基金|会费|医药费|医疗费|养老金|退休金|认筹|诚意金",
                8,
                5,
            ),
            (r"公里|人口|面积|产值|注册资本|营业额|年产|收入|GDP|投资|预算|拨款|造价|成本价|市场价|原价|均价", 7, 4),
            (r"不对|哦不|不是|说错|应该是|更正", 6, 0),
            (r"不对|哦不|不是|说错", 0, 6),
            (r"左右|多|余|来|几|大概|大约|差不多|近", 4, 3),
            (r"以上|以下|不超过|超过|起|至|到|-|~", 2, 3),
            (r"费|款|金|价|钱|票|卡", 3, 2),
        )
    ),
    "people": tuple(
        (re.compile(pattern), before, after)
        for pattern, before, after in (
            (r"我们|咱们|本|我", 8, 0),
            (r"全村|全组|全校|全小区|整栋|整个|小区|村|组|楼|单元|班|厂|公司|工地", 8, 0),
            (r"业主|住户|居民|村民|农户|家庭|群众|百姓|市民|户", 2, 5),
            (r"学生|孩子|娃|小孩|幼儿|老人|家长|师生|同学|员工|职工|工人|民工|工友|司机|商户", 2, 5),
            (r"受害|被骗|投资|客户|会员|消费者|维权|出借|债权", 6, 6),
            (r"共|一共|总共|合计|涉及|多达|高达|达|近|上|约|大概|有", 4, 0),
            (r"签名|签字|联名|手印|代表|等", 6, 6),
            (r"受伤|死|伤|住院|中毒|拉肚子|发烧|被困|困", 5, 8),
            (
                r"工作人员|保安|民警|警察|干部|领导|城管|交警|医生|老师|师傅|服务员|司机|陌生|对方|他们|老板|男子|小偷",
                7,
                6,
            ),
            (r"一家|家里|家有|我家|全家", 5, 0),
            (r"不对|哦不|不是|说错|应该是|又", 6, 0),
            (r"不对|哦不|不是|说错|加上", 0, 6),
            (r"拖欠|欠|没发|工资|停水|停电|没水|受影响|影响|出行|办证|房产证|拆迁|征地", 8, 10),
            (r"每|核载|限|以上|最多|只能|需要|招|编制|人均|第", 4, 2),
            (r"来了|来|上门|巡查|走访|入户|排队|前面|围", 5, 3),
            (r"多|余|来|几", 2, 1),
            (r"里面|里头|屋里|车上|住", 5, 4),
            (r"之一|就|只有|都|全|其中|剩", 5, 3),
        )
    ),
}
_UNITS: Final[dict[QuantityKind, tuple[str, ...]]] = {
    "amount": ("元", "万元", "块", "块钱", "万", "钱", "亿元", "亿", ""),
    "people": ("户", "人", "名", "位", "家", "口", "个", "noun", "pair", "户人家", "号人"),
}


def feature_count(kind: QuantityKind) -> int:
    """How many features a candidate of this kind has."""
    return len(_CUES[kind]) + len(_UNITS[kind]) + 20


def quantity_features(
    kind: QuantityKind, text: str, candidates: list[Quantity], *, body_start: int, agent: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """One row of cues per candidate.

    Args:
        kind: which cue list applies.
        text: normalised text.
        candidates: what `amount_candidates` or `people_candidates` gave.
        body_start: offset of the body; candidates before it lie in the title.
        agent: per code point, whether the agent of a call said it.

    Returns:
        float32 (n, feature_count(kind)).
    """
    cues, units = _CUES[kind], _UNITS[kind]
    out = np.zeros((len(candidates), feature_count(kind)), np.float32)
    if not candidates:
        return out
    values = [item.value for item in candidates]
    largest, smallest = max(values), min(values)
    length = max(1, len(text))
    for row, item in enumerate(candidates):
        windows: dict[tuple[int, int], str] = {}
        for column, (pattern, before, after) in enumerate(cues):
            key = (before, after)
            if key not in windows:
                windows[key] = text[max(0, item.start - before) : item.start] + "|" + text[item.end : item.end + after]
            out[row, column] = pattern.search(windows[key]) is not None
        if item.unit in units:
            out[row, len(cues) + units.index(item.unit)] = 1
        size = float(np.log10(item.value))
        words = text[item.start : item.end]
        previous = text[item.start - 1] if item.start else ""
        out[row, len(cues) + len(units) :] = (
            item.value == largest,
            item.value == smallest,
            row == 0,
            row == len(candidates) - 1,
            values.count(item.value) > 1,
            any(other == item.value for other in values[:row]),
            item.end <= body_start,
            bool(agent[item.start]),
            item.start / length,
            size / 5,
            size < 1,
            1 <= size < 2,
            2 <= size < 3,
            3 <= size < 4,
            size >= 4,
            size >= 6,
            len(candidates) == 1,
            len(candidates) > 4,
            words[0] in "几数",
            previous in "上近数几约达共",
        )
    return out
