"""Examples for the API's documentation, all about the fictional 云州市."""

import json
from typing import Any

COMPLAINT_ID = "6f2f4a5e-7c1c-5b7e-9a55-0d6a3b1f2c3d"
CASE_ID = "2b8f0a34-51c7-4f0e-8f65-9c4f6f0f7e21"

CALL: dict[str, Any] = {
    "source": "hotline-12345",
    "external_id": "HL20260415-000731",
    "channel": "hotline",
    "received_at": "2026-04-15T09:12:00+08:00",
    "region": "望湖区",
    "turns": [
        {"speaker": "agent", "text": "您好，云州12345，请讲。", "offset": 0.0},
        {"speaker": "citizen", "text": "我们工地三十来个人，四个月没发工资了，总共差不多六十万。", "offset": 3.2},
    ],
}
MESSAGE: dict[str, Any] = {
    "source": "yunzhou-app",
    "external_id": "APP-88120",
    "channel": "app",
    "received_at": "2026-04-16T21:40:00+08:00",
    "region": "东岭区",
    "title": "楼下烧烤店油烟扰民",
    "text": "云州市东岭区松涛路口的烧烤店每晚排烟到凌晨，反映过两次都没有处理，老人整夜咳嗽。",
}
ANSWER: dict[str, Any] = {
    "office": "云州市东岭区城市管理局",
    "answered_at": "2026-04-20T10:00:00+08:00",
    "text": "您好，我局已责令该店安装油烟净化设备并限期整改，4月19日复查已达标。",
    "resolved": True,
    "satisfaction": 5,
}
MORE_TURNS: dict[str, Any] = {
    "turns": [
        {"speaker": "citizen", "text": "刚才忘了说，包工头昨天已经跑了，大家准备明天去区政府。", "offset": 312.0},
        {"speaker": "agent", "text": "好的，已为您补充登记。", "offset": 320.5},
    ]
}
ANALYSIS: dict[str, Any] = {
    "domain": {"label": "环境保护", "confidence": 0.93, "abstain": False},
    "kind": {"label": "投诉", "confidence": 0.9, "abstain": False},
    "dispute_type": {"label": "环境污染", "confidence": 0.88, "abstain": False},
    "stage": {"label": "反复", "confidence": 0.74, "abstain": False},
    "risk": {
        "score": 42.5,
        "level": {"label": "黄", "confidence": 0.81, "abstain": False},
        "factors": [],
    },
    "elements": [
        {
            "name": "place",
            "span": {"start": 13, "end": 20, "masked_start": 13, "masked_end": 20, "text": "东岭区松涛路口"},
            "value": None,
        }
    ],
    "keywords": ["油烟", "烧烤店", "扰民"],
    "masks": [],
    "masked_title": "楼下烧烤店油烟扰民",
    "masked_text": MESSAGE["text"],
    "model_version": "2026.04",
    "timings_ms": {"total": 1.6},
}
RECORD: dict[str, Any] = {
    "complaint_id": COMPLAINT_ID,
    "source": MESSAGE["source"],
    "external_id": MESSAGE["external_id"],
    "version": 1,
    "status": "active",
    "channel": "app",
    "received_at": "2026-04-16T13:40:00Z",
    "created_at": "2026-04-16T13:40:01Z",
    "updated_at": "2026-04-16T13:40:01Z",
    "region": "990103",
    "region_name": "东岭区",
    "title": MESSAGE["title"],
    "text": MESSAGE["text"],
    "reporter": None,
    "likes": 0,
    "attachments": [],
    "analysis": ANALYSIS,
    "case_id": CASE_ID,
    "topic_id": None,
}


def lines(*documents: dict[str, Any]) -> str:
    """Documents as NDJSON."""
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)


BULK_REQUEST = lines(CALL, MESSAGE)
BULK_ANSWER = lines(
    {
        "line": 1,
        "status": 201,
        "source": CALL["source"],
        "external_id": CALL["external_id"],
        "complaint_id": "0f3f5b0e-9f0c-5d4e-8a63-6a2f1d7c9b10",
        "version": 1,
        "domain": "劳动和社会保障",
        "kind": "求助",
        "dispute_type": "劳动争议",
        "stage": "持续",
        "risk_level": "橙",
        "risk_score": 71.0,
    },
    {
        "line": 2,
        "status": 422,
        "source": MESSAGE["source"],
        "external_id": MESSAGE["external_id"],
        "problem": {
            "type": "urn:yanpan:problem:region-unknown",
            "title": "区划不存在",
            "status": 422,
            "detail": "区划“东陵区”不存在，请用区划代码或全称",
            "detail_en": "unknown region '东陵区'; use an administrative code or a full name",
            "instance": None,
            "errors": [],
        },
    },
)


def shown(description: str, example: Any) -> dict[str, Any]:
    """An OpenAPI response with a JSON example."""
    return {"description": description, "content": {"application/json": {"example": example}}}
