"""What can have changed since a view was calibrated, and what to do about it: a sentence in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("zh-CN", "en", "th", "vi")

SENTENCES: Mapping[str, Mapping[str, str]] = {
    "exposure": {
        "zh-CN": "光线亮度变了；请检查灯和相机曝光，再重新校准光线。",
        "en": "The light has changed; check the lamps and the camera's exposure, then calibrate the light again.",
        "th": "แสงเปลี่ยนไป ตรวจหลอดไฟและการรับแสงของกล้อง แล้วปรับเทียบแสงใหม่",
        "vi": "Ánh sáng đã thay đổi; hãy kiểm tra đèn và phơi sáng của máy ảnh, rồi hiệu chuẩn lại ánh sáng.",
    },
    "colour": {
        "zh-CN": "颜色变了；请检查灯和白平衡，再重新校准颜色。",
        "en": "Colours have changed; check the lamps and the white balance, then calibrate the colour again.",
        "th": "สีเปลี่ยนไป ตรวจหลอดไฟและสมดุลสีขาว แล้วปรับเทียบสีใหม่",
        "vi": "Màu sắc đã thay đổi; hãy kiểm tra đèn và cân bằng trắng, rồi hiệu chuẩn lại màu.",
    },
    "focus": {
        "zh-CN": "画面不清晰；请擦净镜头并重新对焦。",
        "en": "The picture is not sharp; clean the lens and focus it again.",
        "th": "ภาพไม่คมชัด เช็ดเลนส์แล้วปรับโฟกัสใหม่",
        "vi": "Hình không nét; hãy lau ống kính và lấy nét lại.",
    },
    "scale": {
        "zh-CN": "比例不对；相机高度或变焦变了，请重新校准台面。",
        "en": "Lengths are wrong; the camera's height or zoom has changed, calibrate the plane again.",
        "th": "ขนาดที่วัดได้ไม่ถูกต้อง ความสูงหรือซูมของกล้องเปลี่ยนไป ปรับเทียบระนาบใหม่",
        "vi": "Kích thước bị sai; độ cao hoặc độ thu phóng của máy ảnh đã đổi, hãy hiệu chuẩn lại mặt bàn.",
    },
    "shift": {
        "zh-CN": "相机移位了；请把它移回原位，或重新校准台面和背景。",
        "en": "The camera has moved; put it back, or calibrate the plane and the background again.",
        "th": "กล้องเลื่อนจากตำแหน่งเดิม จัดกลับที่เดิม หรือปรับเทียบระนาบและพื้นหลังใหม่",
        "vi": "Máy ảnh đã bị xê dịch; hãy đặt lại chỗ cũ, hoặc hiệu chuẩn lại mặt bàn và nền.",
    },
    "view": {
        "zh-CN": "画面与校准时的空台不符；请清理台面并检查相机朝向。",
        "en": "This is not the station as it was calibrated; clear the table and check where the camera looks.",
        "th": "ภาพไม่ตรงกับสถานีว่างตอนปรับเทียบ เก็บของออกจากโต๊ะและตรวจทิศทางกล้อง",
        "vi": "Hình không khớp với trạm trống lúc hiệu chuẩn; hãy dọn bàn và kiểm tra hướng máy ảnh.",
    },
}
"""By code, then by language tag, as `inspection.verdict.PolicyVerdict.reason` has them."""


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that is no longer as it was calibrated.

    Attributes:
        code: key of `SENTENCES`.
        value: what was measured.
        limit: what it may be at most (at least, for ``focus`` of `calibration.drift`).
        unit: of both: ``mm``, ``px``, ``deltaE`` or ``ratio``.
    """

    code: str
    value: float
    limit: float
    unit: str

    @property
    def sentence(self) -> Mapping[str, str]:
        """By language tag."""
        return SENTENCES[self.code]
