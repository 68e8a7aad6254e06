"""What identifies a private person goes; what locates the matter stays."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.complaint import Channel, Complaint
from nlp.pii import checks
from nlp.prepare import prepare


def masked(text: str, channel: Channel = "other") -> str:
    return prepare(Complaint(text=text, channel=channel)).masked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("打我手机13907120578吧", "打我手机[手机号78]吧"),
        ("电话１３９ ０７１２ ０５７８", "电话[手机号78]"),
        ("电话139-0712-0578或+8613907120579", "电话[手机号78]或[手机号79]"),
        ("座机0990-6123456转802", "座机[电话02]"),
        ("固话：6123457，白天打", "固话：[电话57]，白天打"),
        ("身份证990102198001011234", "身份证[身份证号34]"),
        ("他报的是99010219800101123X这个", "他报的是[身份证号3X]这个"),
        ("卡号6222 0210 0112 3456 789", "卡号[银行卡号89]"),
        ("打到6217001234567890123里", "打到[银行卡号23]里"),
        ("邮箱li.ming@yunzhou.example收", "邮箱[邮箱]收"),
        ("微信号：yz_lin88，备注", "微信号：[微信号]，备注"),
        ("QQ 38291045", "QQ [QQ号45]"),
        ("车牌鄂A12345一直占道", "车牌[车牌号45]一直占道"),
        ("粤BD12345和京A·F0236挂", "[车牌号45]和[车牌号6挂]"),
        ("锦云小区7栋2单元1803室漏水", "锦云小区7栋2单元[房号]漏水"),
        ("B座1604没人管", "B座[房号]没人管"),
    ],
)
def test_numbers_go(text: str, wanted: str) -> None:
    assert masked(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "我打过12345、110、120和95588，还有400-820-1234、0990-12345",
        "诉求编号HL20260415000731，工单20250311000451，收据编号20240315001234567",
        "2024年3月15日交了首付386000元，总价1286000元，面积108.55平米",
        "锦云小区7栋2单元，12号楼，3组，一楼大厅",
        "一共打了十三次，三十五块钱一次，二〇二四年五月交的三千二百块",
        "公交19、812、501、213路都改道",
        "两百多户，147、226、262、26号房源",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("我叫孟庆丰，住望湖区。", ["孟庆丰"]),
        ("包工头夏长河欠我们工钱。", ["夏长河"]),
        ("我丈夫魏国梁和儿子魏一诺都在家。", ["魏国梁", "魏一诺"]),
        ("主刀医生苗春燕态度很差。", ["苗春燕"]),
        ("举报人：欧阳建国\n2025年3月2日", ["欧阳建国"]),
        ("请予查处。\n此致\n敬礼\n石桥村 邹玉梅\n2025年3月2日", ["邹玉梅"]),
        ("村民代表：龚福生、熊金凤、冯大柱", ["龚福生", "熊金凤", "冯大柱"]),
        ("卢秋菊 13907120578", ["卢秋菊"]),
        ("独居老人付桂芬（女，78岁）电线老化。", ["付桂芬"]),
        ("邻居阿依古丽·买买提被打了。", ["阿依古丽·买买提"]),
        ("房东谭志刚不退押金，谭志刚说要等。", ["谭志刚"]),
    ],
)
def test_names_go_and_surnames_stay(text: str, names: list[str]) -> None:
    hidden = masked(text)
    for name in names:
        assert name not in hidden
        assert "·" in name or (f"{name[:2] if name.startswith('欧阳') else name[0]}[姓名]" in hidden)


def test_the_answer_to_the_question_for_a_name() -> None:
    text = "话务员：请问您贵姓？\n市民：姓祝，祝明辉。\n话务员：好的祝先生。"
    hidden = masked(text, "hotline")
    assert "祝明辉" not in hidden
    assert "好的祝先生" in hidden


@pytest.mark.parametrize(
    "text",
    [
        "老王跟王女士吵架，小李、张某、陈某某都在场。",
        "高新区金茂府和江北区安置房停水，马路上白天也堵。",
        "关于方面严重超标的问题，请单位明确答复，谢谢！",
        "恒锦物业公司、幺妹餐馆、王麻子剪刀店、万达广场",
        "梅山县白马镇杨林村的路还没修好。",
        "云州市公安局、望湖区卫健委、东岭区住建局",
        "碧桂园·天玺湾三期，恒大·御景湾一期",
        "李老师和张医生都很负责，刘婆婆也这么说。",
        "话务员：谢谢您的来电，再见。",
    ],
)
def test_what_is_no_private_name_stays(text: str) -> None:
    assert masked(text) == text


def test_spoken_in_one_go_with_fillers() -> None:
    text = "市民：我手机幺八零，嗯，那个，三三二五，然后是，六六七一\n话务员：幺八零三三二五六六七一，记下了。"
    assert masked(text, "hotline") == "市民：我手机[手机号71]\n话务员：[手机号71]，记下了。"


def test_spoken_across_turns_with_the_agent_repeating() -> None:
    text = (
        "话务员：您的电话留一下。\n市民：一三七，\n话务员：嗯，一三七。\n市民：零五二八。\n话务员：零五二八，然后呢？\n"
        "市民：九九一六。\n话务员：一三七零五二八九九一六，对吧？\n市民：对。"
    )
    hidden = masked(text, "hotline")
    for piece in ("一三七", "零五二八", "九九一六"):
        assert piece not in hidden
    assert set(re.findall(r"\[手机号(\d*)\]", hidden)) == {"", "16"}


def test_spoken_repetitions_and_slips() -> None:
    assert masked("市民：电话是幺三七三个八两个五幺二六", "hotline") == "市民：电话是[手机号26]"
    hidden = masked("话务员：号码？\n市民：幺三九，五五，不是，四四六七，八二三一", "hotline")
    assert "四四六七" not in hidden
    assert "八二三一" not in hidden


def test_an_id_number_told_piece_by_piece() -> None:
    text = (
        "话务员：身份证号报一下\n市民：九九零幺零二\n话务员：嗯\n市民：幺九七八零三幺二\n话务员：后面呢\n市民：四四幺叉"
    )
    assert masked(text, "hotline").count("[身份证号") == 3


def test_a_tail_said_again_is_hidden_too() -> None:
    assert "0578" not in masked("电话13907120578，就是尾号0578那个")


def test_checks() -> None:
    assert checks.id_checksum_holds("11010519491231002X")
    assert not checks.id_checksum_holds("110105194912310021")
    assert checks.has_birth_date("110105194912310021")
    assert not checks.has_birth_date("110105194913310021")
    assert checks.luhn_holds("4111111111111111")
    assert not checks.luhn_holds("4111111111111112")
    assert checks.is_mobile("8613907120578")
    assert not checks.is_mobile("12907120578")


_SPOKEN = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
_MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
_WORDS = st.text(alphabet="我们小区的物业不管楼道里堆满了杂物请帮忙看看，。", max_size=60)


@given(_WORDS, _MOBILES, _WORDS)
def test_no_planted_mobile_is_left(before: str, mobile: str, after: str) -> None:
    assert mobile not in masked(f"{before}电话{mobile}，{after}")
    spoken = "".join(_SPOKEN[digit] for digit in mobile)
    assert spoken not in masked(f"市民：{before}，电话{spoken}，{after}", "hotline")


@given(
    _WORDS,
    _MOBILES,
    st.lists(st.integers(1, 10), max_size=3, unique=True),
    st.sampled_from(["，", " ", "，嗯，", "、"]),
)
def test_no_torn_mobile_keeps_more_than_two_digits(before: str, mobile: str, cuts: list[int], joint: str) -> None:
    spoken = [_SPOKEN[digit] for digit in mobile]
    ends = [0, *sorted(cuts), 11]
    pieces = ["".join(spoken[a:b]) for a, b in pairwise(ends)]
    hidden = masked(f"市民：{before}。电话{joint.join(pieces)}。", "hotline").removeprefix(f"市民：{before}")
    assert sum(hidden.count(digit) for digit in _SPOKEN.values()) == 0
    assert len(re.findall(r"\d", hidden)) <= 2
