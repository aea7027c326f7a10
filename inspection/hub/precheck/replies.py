"""What a person may decide, the reasons to choose from, and what the customer is told of it in four languages."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from inspection.hub.precheck.messages import Sentences


class Decision(StrEnum):
    """What a person decides of a case before the parcel travels."""

    REFUND_WITHOUT_RETURN = "refund_without_return"
    SEND_BACK = "send_back"
    REPAIR = "repair"
    REPLACE = "replace"
    MORE_PHOTOS = "more_photos"
    DECLINE = "decline"


class Reason(StrEnum):
    """Why; for statistics and for who reads the case later."""

    DAMAGE_SHOWN = "damage_shown"
    NO_DAMAGE_SEEN = "no_damage_seen"
    MUST_BE_INSPECTED = "must_be_inspected"
    OTHER_ARTICLE = "other_article"
    PICTURE_USED_BEFORE = "picture_used_before"
    NOT_ENOUGH_SEEN = "not_enough_seen"
    GOODWILL = "goodwill"
    OTHER = "other"


REPLIES: Mapping[Decision, Sentences] = {
    Decision.REFUND_WITHOUT_RETURN: {
        "zh-CN": "我们已看过您的照片：将为您退款，商品不必寄回。",
        "en": "We have looked at your pictures: you get your money back, and the item need not travel.",
        "th": "เราได้ดูภาพของท่านแล้ว ท่านจะได้รับเงินคืน โดยไม่ต้องส่งสินค้ากลับ",
        "vi": "Chúng tôi đã xem ảnh của bạn: bạn được hoàn tiền và không cần gửi hàng về.",
    },
    Decision.SEND_BACK: {
        "zh-CN": "我们已看过您的照片：请寄回商品，收到后我们会检查并答复您。",
        "en": "We have looked at your pictures: please send the item back; we inspect it and tell you the result.",
        "th": "เราได้ดูภาพของท่านแล้ว โปรดส่งสินค้ากลับ เราจะตรวจและแจ้งผลให้ทราบ",
        "vi": "Chúng tôi đã xem ảnh của bạn: vui lòng gửi hàng về; chúng tôi sẽ kiểm tra và báo kết quả.",
    },
    Decision.REPAIR: {
        "zh-CN": "我们已看过您的照片：该商品可以维修，请寄给我们。",
        "en": "We have looked at your pictures: this can be repaired; please send the item to us.",
        "th": "เราได้ดูภาพของท่านแล้ว สินค้านี้ซ่อมได้ โปรดส่งมาให้เรา",
        "vi": "Chúng tôi đã xem ảnh của bạn: hàng này sửa được; vui lòng gửi cho chúng tôi.",
    },
    Decision.REPLACE: {
        "zh-CN": "我们已看过您的照片：我们会给您寄一件新的。",
        "en": "We have looked at your pictures: we send you another one.",
        "th": "เราได้ดูภาพของท่านแล้ว เราจะส่งชิ้นใหม่ให้ท่าน",
        "vi": "Chúng tôi đã xem ảnh của bạn: chúng tôi sẽ gửi cho bạn món khác.",
    },
    Decision.MORE_PHOTOS: {
        "zh-CN": "我们还看不清楚，请按页面提示再拍几张。",
        "en": "We cannot see enough yet; please take some more pictures as the page says.",
        "th": "เรายังเห็นไม่ชัดพอ โปรดถ่ายภาพเพิ่มตามที่หน้านี้บอก",
        "vi": "Chúng tôi chưa nhìn đủ rõ; vui lòng chụp thêm theo hướng dẫn trên trang.",
    },
    Decision.DECLINE: {
        "zh-CN": "我们的人员看过您的照片，认为不属于可赔付的情况。如您不同意，请联系我们，您的退货权利不受影响。",
        "en": "A person has looked at your pictures and finds nothing we must make good. If you do not agree, contact "
        "us; your right to return stays.",
        "th": "เจ้าหน้าที่ดูภาพของท่านแล้วและไม่พบเหตุที่ต้องชดเชย หากไม่เห็นด้วย โปรดติดต่อเรา สิทธิ์คืนสินค้าของท่านยังคงอยู่",
        "vi": "Nhân viên đã xem ảnh và không thấy điều chúng tôi phải bồi hoàn. Nếu không đồng ý, hãy liên hệ "
        "chúng tôi; quyền trả hàng của bạn vẫn giữ nguyên.",
    },
}
"""Canned answers; a note of one's own may follow."""


def reply(decision: str, language: str) -> str:
    """What the customer reads."""
    return REPLIES[Decision(decision)][language]
