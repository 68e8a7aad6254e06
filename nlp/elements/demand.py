"""What the citizen asks for: clauses that open with a word of request."""

import re
from typing import Final

from data_contracts.analysis import Element
from nlp.prepare import Prepared

_ASK: Final = re.compile(
    r"(?:强烈|再次|特|现|恳切|郑重|迫切|热切|诚恳|衷心|我们|我|居民|业主|村民|本人|特此|故|因此|所以|只|就|也)*"
    r"(?:请求|恳请|恳求|敬请|请(?!问|讲|说|稍|进|客|假|教|回|您讲|您说|您稍)|希望|盼望|盼|要求|呼吁|诉求是|诉求:|诉求为|建议|望(?=[贵政领相有能尽早市区县给])|求(?=[相有政领解帮书市尽给])|能不能|能否|可不可以|麻烦)"
    r"[^。!！?？\n;；]{3,80}"
)
_NOT_ASKED: Final = re.compile(
    r"没有?要求|不要求|物业要求|学校要求|对方要求|公司要求|要求我们|要求我|要求业主|要求家长|被要求|按要求|没希望|没有希望|请来|请了|请人|邀请|申请|聘请|请假"
)
_MOST: Final = 4


def demands(prepared: Prepared) -> list[Element]:
    """Up to four clauses of request; in a call only the citizen's."""
    text = prepared.normal
    ranges = [(turn.start, turn.end) for turn in prepared.turns if turn.speaker == "citizen"] or [(0, len(text))]
    found = []
    for start, end in ranges:
        for match in _ASK.finditer(text, start, end):
            if _NOT_ASKED.search(text, max(start, match.start() - 3), min(end, match.start() + 8)):
                continue
            found.append(
                Element(name="demand", span=prepared.span(match.start(), match.start() + len(match[0].rstrip())))
            )
            if len(found) == _MOST:
                return found
    return found
