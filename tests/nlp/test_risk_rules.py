"""The rule layer for explicit danger, on both sides: calm words about grave danger, drastic words about trifles."""

import pytest

from data_contracts.complaint import Complaint
from nlp.prepare import prepare
from nlp.risk.said import said
from nlp.risk.threats import find_threat


def rule_of(text: str) -> str | None:
    threat = find_threat(said(prepare(Complaint(text=text))))
    return threat.name if threat else None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("谢谢你们这两年照顾。花盆送给隔壁了，水电都结清。药我都存着的，够了。", "扬言自伤或告别"),
        ("问一句，骑手的保证金，人要是不在了能打给我妈吗", "扬言自伤或告别"),
        ("请问借的钱，是不是我死了就不用爸妈还了？我都想好了，就问问法律", "扬言自伤或告别"),
        ("我说要跳楼不是气话，协议拿不到我真的从这里跳楼", "扬言自伤或告别"),
        ("我攒了安眠药，房产证放在柜子里，他们找得到。", "扬言自伤或告别"),
        ("工钱再不给，我就从望湖大厦跳楼，说到做到", "扬言自伤或告别"),
        ("话务员：您好，请讲。\n市民：没什么大事，就是不想活了，想找个人说说话。", "扬言自伤或告别"),
        ("澜江二桥有个男的坐在栏杆外面，喊他他不应，快来人", "有人正站在高处或桥边"),
        ("他提着砍刀在楼道里喊，今天谁都别想出这个门，我们一家躲在厨房", "扬言或正在使用暴力"),
        ("邻居抱了个煤气罐坐在门口，手里捏着打火机，说今天拼了", "扬言或正在使用暴力"),
        ("两个组的人拿着锄头在田埂上对着站，说天黑就动手", "扬言或正在使用暴力"),
        ("施工队把天然气管挖破了，嗤嗤响，楼里还有老人在睡觉", "燃气泄漏且有人在内"),
        ("我奶奶早上叫不醒，屋里烧着炭，怎么办", "有人被困或失去意识"),
        ("电梯里关在里面两个小孩，已经二十分钟出不来", "有人被困或失去意识"),
        ("群里说好了，明天早上八点三百多户业主去售楼部集合，把大门堵了", "大批人即将聚集或堵路"),
    ],
)
def test_calm_or_loud_words_about_grave_danger_raise(text: str, rule: str) -> None:
    assert rule_of(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        "商场门口的跳楼价喇叭吵死了，天天喊跳楼甩卖，能不能管管",
        "公交车等了四十分钟，冻死我了，气死我了",
        "打死我也不去那家店了，三斤虾少了半斤，杀价还骂人",
        "砍价群天天半夜发消息，烦死人，求屏蔽",
        "健身房停业，我的卡还有八百块，死活联系不上人",
        "自行车漏气了，小区门口那个修车摊不知道搬哪去了",
        "老师扼杀了孩子的兴趣，希望换个老师",
    ],
)
def test_drastic_idioms_about_trifles_raise_nothing(text: str) -> None:
    assert rule_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "去年我爸喝了农药，是县医院救回来的，早就过去了，这次来是表扬护士长",
        "上周楼下持刀闹事的人已经被派出所带走拘留，大家都好了，感谢民警",
        "燃气公司把漏气的管子修好了，楼里老人都说好，送面锦旗",
        "市民：再放音响我要跳楼了！\n话务员：您别激动。\n市民：气话！我有家有口跳什么楼，就是烦",
        "老人不在了，他名下的贷款还要孩子还吗，想咨询一下法律",
        "社区搞消防演练，说楼上着火有人困在里面出不来，烟饼味道太大",
        "电影里有人拿刀砍人的镜头太多，建议影院分级",
    ],
)
def test_what_is_over_or_not_real_raises_nothing(text: str) -> None:
    assert rule_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "请问天然气管道多少年检测一次，收不收费",
        "咨询一下，家里存煤气罐有没有数量限制",
        "想问赔偿标准，工地受伤昏迷之后鉴定几级怎么算",
    ],
)
def test_questions_about_rules_raise_nothing(text: str) -> None:
    assert rule_of(text) is None


def test_the_agents_words_do_not_raise() -> None:
    text = "话务员：您是说有人要跳楼吗？\n市民：不是不是，我说的是楼上跳绳，吵得很。"
    assert rule_of(text) is None
