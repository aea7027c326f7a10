"""Letters to a customer: what became of the case, in their language, with the link to their page.

Written when they are sent, from the case as it is then: what is over is not told any more, and an address that was
erased gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.config import HubConfig
from inspection.hub.connectors.contract import Message, Pending, Skipped, Unusable
from inspection.hub.connectors.mail import Letter, MailSection
from inspection.hub.events import EventKind
from inspection.hub.precheck import cases
from inspection.hub.precheck.cases import State
from inspection.hub.precheck.challenges import challenges_of
from inspection.hub.precheck.deciding import decisions_of
from inspection.hub.precheck.links import LinkKey, key_of
from inspection.hub.precheck.messages import Sentences
from inspection.hub.precheck.page import words
from inspection.hub.precheck.page.shell import FRAME
from inspection.hub.precheck.replies import reply
from inspection.hub.problems import Problem
from inspection.hub.tables import events

SUBJECTS: dict[EventKind, Sentences] = {
    EventKind.PRECHECK_OPENED: {
        "zh-CN": "退货 {rma}：请先拍照给我们看看",
        "en": "Return {rma}: show us the problem first",
        "th": "การคืนสินค้า {rma}: โปรดถ่ายภาพให้เราดูก่อน",
        "vi": "Trả hàng {rma}: hãy cho chúng tôi xem trước",
    },
    EventKind.PRECHECK_ANSWERED: {
        "zh-CN": "退货 {rma}：您的照片有答复了",
        "en": "Return {rma}: an answer to your pictures",
        "th": "การคืนสินค้า {rma}: มีคำตอบสำหรับภาพของท่าน",
        "vi": "Trả hàng {rma}: đã có trả lời cho ảnh của bạn",
    },
    EventKind.PRECHECK_CHALLENGED: {
        "zh-CN": "退货 {rma}：请再拍一张照片",
        "en": "Return {rma}: one more picture, please",
        "th": "การคืนสินค้า {rma}: ขอภาพเพิ่มอีกหนึ่งภาพ",
        "vi": "Trả hàng {rma}: vui lòng gửi thêm một ảnh",
    },
    EventKind.PRECHECK_DECIDED: {
        "zh-CN": "退货 {rma}：工作人员已作出决定",
        "en": "Return {rma}: a person has decided",
        "th": "การคืนสินค้า {rma}: เจ้าหน้าที่ตัดสินแล้ว",
        "vi": "Trả hàng {rma}: nhân viên đã quyết định",
    },
}
INVITATION: Sentences = {
    "zh-CN": "寄回商品之前，请先用手机拍下问题，马上就有答复。",
    "en": "Before you send anything back, photograph the problem with your phone: you get an answer at once.",
    "th": "ก่อนส่งสินค้ากลับ โปรดใช้โทรศัพท์ถ่ายภาพปัญหา ท่านจะได้คำตอบทันที",
    "vi": "Trước khi gửi hàng về, hãy dùng điện thoại chụp lại vấn đề: bạn có câu trả lời ngay.",
}
AUTOMATIC: Sentences = {
    "zh-CN": "这是系统自动给出的答复，不是最终决定；在您的页面上可以要求人工查看。",
    "en": "This is an automatic answer and not a decision; on your page you can ask for a person to look.",
    "th": "นี่เป็นคำตอบอัตโนมัติ ไม่ใช่คำตัดสิน ท่านขอให้เจ้าหน้าที่ดูได้ที่หน้าของท่าน",
    "vi": "Đây là câu trả lời tự động, không phải quyết định; trên trang của bạn, bạn có thể yêu cầu nhân viên xem.",
}
CHALLENGE: Sentences = {
    "zh-CN": "我们还需要一张照片：请打开您的页面，按提示把四个字符写在纸上，与商品放在一起拍照。",
    "en": "We need one more picture: your page shows four characters to write on a paper and lay beside the item.",
    "th": "เราต้องการภาพเพิ่มอีกหนึ่งภาพ หน้าของท่านแสดงอักขระสี่ตัวให้เขียนบนกระดาษวางข้างสินค้า",
    "vi": "Chúng tôi cần thêm một ảnh: trang của bạn hiện bốn ký tự để viết ra giấy và đặt cạnh món hàng.",
}
PAGE: Sentences = {"zh-CN": "您的页面：", "en": "Your page:", "th": "หน้าของท่าน:", "vi": "Trang của bạn:"}
CONTACT: Sentences = {"zh-CN": "联系我们：", "en": "Reach us:", "th": "ติดต่อเรา:", "vi": "Liên hệ:"}
WHY: Sentences = {
    "zh-CN": "您收到此邮件，是因为为这次退货留下了您的邮箱。不想再收到，请在您的页面上停止邮件。",
    "en": "You get this because your address was given for this return. Your page has a button that stops it.",
    "th": "ท่านได้รับอีเมลนี้เพราะมีการให้ที่อยู่อีเมลของท่านสำหรับการคืนสินค้านี้ ที่หน้าของท่านมีปุ่มหยุดรับ",
    "vi": "Bạn nhận thư này vì địa chỉ của bạn được cung cấp cho lần trả hàng này. Trang của bạn có nút ngừng nhận.",
}


_NEWEST = frozenset({EventKind.PRECHECK_ANSWERED, EventKind.PRECHECK_DECIDED})
"""Of several, only the newest is told."""


class Letters:
    """Writes letters of one installation; see :class:`inspection.hub.connectors.mail.Writer`."""

    def __init__(self, config: HubConfig) -> None:
        self._config = config

    @cached_property
    def _key(self) -> LinkKey:
        return key_of(self._config)

    def letter(self, connection: Connection, merchant_id: UUID, message: Message, section: MailSection) -> Letter:
        """The letter that tells a customer of an event.

        Raises:
            Skipped: they left no address, or what happened since makes it pointless.
            Pending: more pictures may be on their way.
            Unusable: the hub does not know the address that customers reach it at.
        """
        kind, rma = EventKind(message.kind), str(message.facts["event"]["payload"].get("rma", ""))
        try:
            case = cases.of_return(connection, merchant_id, rma)
        except Problem:
            raise Skipped("there is no such case any more") from None
        if not case.email:
            raise Skipped("the customer left no address")
        if kind in _NEWEST and _again(connection, merchant_id, message, rma):
            raise Skipped("it happened again since; that is told")
        language = case.language or section.language
        said = _SAYS[kind](connection, case, language)
        if kind is EventKind.PRECHECK_ANSWERED:
            _wait_for_more(message, section.quiet_s)
        page = self._page(connection, case)
        contact = self._config.precheck.contact
        parts = [said, f"{PAGE[language]} {page}" if page else "", f"{CONTACT[language]} {contact}" if contact else ""]
        text = "\n\n".join([*(part for part in parts if part), f"-- \n{WHY[language]}\n"])
        return Letter(case.email, SUBJECTS[kind][language].format(rma=rma), text, language, page)

    def _page(self, connection: Connection, case: Row[Any]) -> str:
        base = self._config.access.public_url
        if base is None:
            raise Unusable("customers reach the hub at no known address", hint="set access.public_url")
        if not cases.has_link(connection, case.merchant_id, case.id):
            return ""
        lasts = timedelta(days=self._config.precheck.link_days)
        token, _ = cases.link_of(connection, case.merchant_id, case.id, self._key, lasts)
        return f"{base}/precheck/c/{token}"


def _again(connection: Connection, merchant_id: UUID, message: Message, rma: str) -> bool:
    """Whether the same happened to the case later; each is told once, the newest."""
    mine = sa.and_(events.c.merchant_id == merchant_id, events.c.subject == rma)
    same = sa.and_(mine, events.c.kind == message.kind, events.c.id > message.event_id)
    query = sa.select(events.c.id).where(same).limit(1)
    return connection.execute(query).scalar() is not None


def _wait_for_more(message: Message, quiet_s: float) -> None:
    left = quiet_s - (datetime.now(UTC) - message.occurred_at).total_seconds()
    if left > 0:
        raise Pending("more pictures may be on their way", after_s=left)


def _opened(_: Connection, case: Row[Any], language: str) -> str:
    if case.state != State.OPEN:
        raise Skipped("the customer has begun already")
    return INVITATION[language]


def _answered(_: Connection, case: Row[Any], language: str) -> str:
    if case.state not in {State.ANSWERED, State.WITH_PERSON} or not case.outcome:
        raise Skipped("the answer does not stand any more; what came since is told")
    return f"{FRAME.say(language, words.OUTCOMES[case.outcome])}\n\n{AUTOMATIC[language]}"


def _challenged(connection: Connection, case: Row[Any], language: str) -> str:
    if case.state == State.DECIDED or not any(each.live for each in challenges_of(connection, case)):
        raise Skipped("it is answered or over")
    return CHALLENGE[language]


def _decided(connection: Connection, case: Row[Any], language: str) -> str:
    counts = next(iter(decisions_of(connection, case.merchant_id, case.id)), None)
    if counts is None:
        raise Skipped("nobody has decided")
    return reply(counts.decision, language)


_SAYS: dict[EventKind, Callable[[Connection, Row[Any], str], str]] = {
    EventKind.PRECHECK_OPENED: _opened,
    EventKind.PRECHECK_ANSWERED: _answered,
    EventKind.PRECHECK_CHALLENGED: _challenged,
    EventKind.PRECHECK_DECIDED: _decided,
}
