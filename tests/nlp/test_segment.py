"""Index and query are cut alike, by jieba's words and our own."""

import threading

import jieba
import pytest

from nlp.segment import bigrams, lexicon, segmenter, stop_words

TEXTS = [
    "工地拖欠农民工工资四个月，包工头躲着不见人，我们准备去讨薪。",
    "小区业委会换届没有公示，物业费涨了一倍，电梯三天两头坏。",
    "楼下烧烤店油烟直排，晚上十二点还在放音响，孩子没法睡觉。",
    "开发商承诺去年底交房，现在成了烂尾楼，购房合同上写得清清楚楚。",
    "云州市望湖区人民路与解放路交叉口的红绿灯坏了一个星期，早高峰堵得厉害。",
    "孩子在学校食堂吃完饭集体呕吐，学校不让家长进去，也不公布监控。",
    "村干部把征地补偿款分给亲戚，账目从来没有公开过，请纪委调查。",
    "健身房关门跑路，预付卡里还有两千多块，打电话一直没人接。",
    "医院收费单上多出三项没有做过的检查，医保也给扣了钱。",
    "河水发黑发臭，上游的造纸厂半夜偷排污水，鱼都死光了。",
]


def test_nothing_is_lost() -> None:
    for text in TEXTS:
        assert "".join(segmenter().cut(text)) == text


def test_agrees_with_jieba_under_the_same_lexicon() -> None:
    other = jieba.Tokenizer()
    for word, frequency, tag in lexicon():
        other.add_word(word, frequency, tag)
    same = total = 0
    for text in TEXTS:
        ours, theirs = segmenter().tokenize(text), list(other.tokenize(text))
        total += len(theirs)
        same += len(set(ours) & set(theirs))
    assert same / total >= 0.99


@pytest.mark.parametrize("word", ["业委会", "物业费", "包工头", "讨薪", "农民工"])
def test_domain_words_stay_whole(word: str) -> None:
    assert word in segmenter().cut(f"我们要反映{word}的问题")


def test_index_tokens_drop_what_says_nothing() -> None:
    tokens = segmenter().index_tokens("熊[姓名]的 WiFi 坏了，电话[手机号78]，请处理！！")
    assert "wifi" in tokens
    assert not {"姓名", "手机号", "78", "，", "！", "的", "了"} & set(tokens)
    assert not set(tokens) & stop_words()


def test_query_and_text_agree() -> None:
    assert set(segmenter().index_tokens("物业费涨价")) <= set(segmenter().index_tokens("我们小区的物业费涨价了一倍"))


def test_bigrams_stay_within_runs_and_outside_tags() -> None:
    assert bigrams("停水了，A区[姓名]三天") == ["停水", "水了", "三天"]
    assert bigrams("水") == []


def test_is_shared_by_threads() -> None:
    results: list[list[str]] = []

    def cut() -> None:
        for text in TEXTS:
            results.append(segmenter().index_tokens(text))

    threads = [threading.Thread(target=cut) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(segmenter().index_tokens(text) for text in TEXTS)
    assert sorted(results) == sorted(expected * 4)
