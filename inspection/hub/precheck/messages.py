"""What the customer is told, by code, in four languages: one sentence that says what to do next."""

from __future__ import annotations

from collections.abc import Mapping

Sentences = Mapping[str, str]

PERSON: Sentences = {
    "zh-CN": "本回复由系统自动给出；想请人工查看，请直接回复“人工”或联系客服，不影响您的退货权利。",
    "en": "This answer is automatic; reply “person” or contact customer care and a person looks; you lose no rights.",
    "th": "คำตอบนี้เป็นคำตอบอัตโนมัติ หากต้องการให้คนตรวจดู ตอบกลับว่า “เจ้าหน้าที่” หรือติดต่อเรา ท่านไม่เสียสิทธิ์ใด",
    "vi": "Câu trả lời tự động; trả lời “nhân viên” hoặc liên hệ chúng tôi để có người xem; quyền lợi giữ nguyên.",
}
"""That a machine answered, and how to reach a person."""

REFUSALS: Mapping[str, Sentences] = {
    "empty": {
        "zh-CN": "文件是空的，请重新选择照片再发送。",
        "en": "The file is empty; choose the photograph again and send it once more.",
        "th": "ไฟล์ว่างเปล่า โปรดเลือกภาพใหม่แล้วส่งอีกครั้ง",
        "vi": "Tệp trống; hãy chọn lại ảnh và gửi lần nữa.",
    },
    "too_many_bytes": {
        "zh-CN": "文件超过 25 MB，请用手机相机的普通模式重新拍一张。",
        "en": "The file is larger than 25 MB; take the photograph again in your phone's normal mode.",
        "th": "ไฟล์ใหญ่กว่า 25 MB โปรดถ่ายใหม่ด้วยโหมดปกติของโทรศัพท์",
        "vi": "Tệp lớn hơn 25 MB; hãy chụp lại bằng chế độ thường của điện thoại.",
    },
    "type": {
        "zh-CN": "这不是我们能打开的照片，请发送 JPEG、PNG、WebP 或 HEIC 格式的照片。",
        "en": "This is not a photograph we can open; send a JPEG, PNG, WebP or HEIC picture.",
        "th": "ไฟล์นี้ไม่ใช่ภาพที่เราเปิดได้ โปรดส่งภาพ JPEG, PNG, WebP หรือ HEIC",
        "vi": "Đây không phải ảnh mà chúng tôi mở được; hãy gửi ảnh JPEG, PNG, WebP hoặc HEIC.",
    },
    "too_large": {
        "zh-CN": "照片像素过多，请把相机设为 5000 万像素以下再拍一张。",
        "en": "The picture has too many pixels; set the camera below 50 megapixels and take it again.",
        "th": "ภาพมีพิกเซลมากเกินไป โปรดตั้งกล้องต่ำกว่า 50 ล้านพิกเซลแล้วถ่ายใหม่",
        "vi": "Ảnh có quá nhiều điểm ảnh; hãy đặt máy ảnh dưới 50 megapixel rồi chụp lại.",
    },
    "too_small": {
        "zh-CN": "照片太小，看不清商品，请发送原图而不是缩略图。",
        "en": "The picture is too small to see the item; send the original, not a thumbnail.",
        "th": "ภาพเล็กเกินไปจนมองไม่เห็นสินค้า โปรดส่งภาพต้นฉบับ ไม่ใช่ภาพย่อ",
        "vi": "Ảnh quá nhỏ nên không thấy rõ món hàng; hãy gửi ảnh gốc, không gửi ảnh thu nhỏ.",
    },
    "too_long": {
        "zh-CN": "视频超过 20 秒，请拍一段更短的视频。",
        "en": "The video is longer than 20 seconds; take a shorter one.",
        "th": "วิดีโอยาวเกิน 20 วินาที โปรดถ่ายใหม่ให้สั้นลง",
        "vi": "Video dài hơn 20 giây; hãy quay một đoạn ngắn hơn.",
    },
    "incomplete": {
        "zh-CN": "照片没有传完，请在网络稳定时再发送一次。",
        "en": "The picture did not arrive whole; send it again when the network is steady.",
        "th": "ภาพส่งมาไม่ครบ โปรดส่งอีกครั้งเมื่อสัญญาณเครือข่ายดี",
        "vi": "Ảnh chưa được gửi hết; hãy gửi lại khi mạng ổn định.",
    },
    "erased": {
        "zh-CN": "已按要求删除。",
        "en": "This was erased, as was asked for.",
        "th": "ลบแล้วตามที่ขอ",
        "vi": "Đã xóa theo yêu cầu.",
    },
    "broken": {
        "zh-CN": "照片文件已损坏，请重新拍一张再发送。",
        "en": "The picture file is damaged; take the photograph again and send the new one.",
        "th": "ไฟล์ภาพเสียหาย โปรดถ่ายใหม่แล้วส่งภาพใหม่",
        "vi": "Tệp ảnh bị hỏng; hãy chụp lại và gửi ảnh mới.",
    },
    "too_slow": {
        "zh-CN": "打开这张照片用时过长，请用普通模式重新拍一张再发送。",
        "en": "Opening this picture took too long; take it again in normal mode and send the new one.",
        "th": "เปิดภาพนี้ใช้เวลานานเกินไป โปรดถ่ายใหม่ด้วยโหมดปกติแล้วส่งภาพใหม่",
        "vi": "Mở ảnh này mất quá lâu; hãy chụp lại ở chế độ thường và gửi ảnh mới.",
    },
    "crashed": {
        "zh-CN": "这个文件无法安全打开，请重新拍一张照片再发送。",
        "en": "This file cannot be opened safely; take a new photograph and send that one.",
        "th": "ไม่สามารถเปิดไฟล์นี้ได้อย่างปลอดภัย โปรดถ่ายภาพใหม่แล้วส่ง",
        "vi": "Không thể mở tệp này một cách an toàn; hãy chụp ảnh mới và gửi ảnh đó.",
    },
    "no_file": {
        "zh-CN": "找不到或无法读取这个文件，请检查文件名。",
        "en": "There is no such file, or it cannot be read; check its name.",
        "th": "ไม่พบไฟล์นี้หรืออ่านไม่ได้ โปรดตรวจสอบชื่อไฟล์",
        "vi": "Không có tệp này hoặc không đọc được; hãy kiểm tra tên tệp.",
    },
}

QUALITY: Mapping[str, Sentences] = {
    "blank": {
        "zh-CN": "照片里什么也看不到，请移开遮挡镜头的东西后重拍。",
        "en": "Nothing is to be seen in the picture; uncover the lens and take it again.",
        "th": "มองไม่เห็นอะไรในภาพ โปรดเอาสิ่งที่บังเลนส์ออกแล้วถ่ายใหม่",
        "vi": "Không thấy gì trong ảnh; hãy bỏ vật che ống kính rồi chụp lại.",
    },
    "too_dark": {
        "zh-CN": "照片太暗，请到窗边或开灯后重拍。",
        "en": "The picture is too dark; go to a window or switch on a lamp and take it again.",
        "th": "ภาพมืดเกินไป โปรดไปใกล้หน้าต่างหรือเปิดไฟแล้วถ่ายใหม่",
        "vi": "Ảnh quá tối; hãy ra gần cửa sổ hoặc bật đèn rồi chụp lại.",
    },
    "overexposed": {
        "zh-CN": "照片过亮发白，请避开直射光后重拍。",
        "en": "The picture is washed out; move out of direct light and take it again.",
        "th": "ภาพสว่างจ้าเกินไป โปรดหลบแสงตรงแล้วถ่ายใหม่",
        "vi": "Ảnh bị cháy sáng; hãy tránh ánh sáng trực tiếp rồi chụp lại.",
    },
    "glare": {
        "zh-CN": "有反光遮住了商品，请关闭闪光灯或换个角度重拍。",
        "en": "A reflection covers the item; switch the flash off or tilt the phone and take it again.",
        "th": "มีแสงสะท้อนบังสินค้า โปรดปิดแฟลชหรือเอียงโทรศัพท์แล้วถ่ายใหม่",
        "vi": "Ánh phản chiếu che món hàng; hãy tắt đèn flash hoặc nghiêng máy rồi chụp lại.",
    },
    "low_contrast": {
        "zh-CN": "照片灰蒙蒙的，请擦净镜头后重拍。",
        "en": "The picture is hazy; wipe the lens and take it again.",
        "th": "ภาพขุ่นมัว โปรดเช็ดเลนส์แล้วถ่ายใหม่",
        "vi": "Ảnh bị mờ đục; hãy lau ống kính rồi chụp lại.",
    },
    "too_far": {
        "zh-CN": "商品在照片里太小，请靠近，让商品占到画面的一半后重拍。",
        "en": "The item is too small in the picture; move closer until it fills half of it and take it again.",
        "th": "สินค้าเล็กเกินไปในภาพ โปรดขยับเข้าใกล้จนเต็มครึ่งภาพแล้วถ่ายใหม่",
        "vi": "Món hàng quá nhỏ trong ảnh; hãy lại gần đến khi nó chiếm nửa ảnh rồi chụp lại.",
    },
    "low_resolution": {
        "zh-CN": "照片分辨率太低，看不清细节，请发送相机原图。",
        "en": "The picture has too few pixels to show details; send the original from the camera.",
        "th": "ภาพมีความละเอียดต่ำเกินไป โปรดส่งภาพต้นฉบับจากกล้อง",
        "vi": "Ảnh có quá ít điểm ảnh để thấy chi tiết; hãy gửi ảnh gốc từ máy ảnh.",
    },
    "blurred": {
        "zh-CN": "照片没有对上焦，请点按屏幕上的商品对焦后重拍。",
        "en": "The picture is out of focus; tap the item on the screen to focus and take it again.",
        "th": "ภาพไม่ชัด โปรดแตะที่สินค้าบนหน้าจอเพื่อโฟกัสแล้วถ่ายใหม่",
        "vi": "Ảnh bị mất nét; hãy chạm vào món hàng trên màn hình để lấy nét rồi chụp lại.",
    },
    "moved": {
        "zh-CN": "拍照时手抖了，请双手拿稳手机或靠住桌面后重拍。",
        "en": "The phone moved; hold it with both hands or rest it on something and take it again.",
        "th": "โทรศัพท์สั่น โปรดถือด้วยสองมือหรือวางพิงสิ่งของแล้วถ่ายใหม่",
        "vi": "Máy bị rung; hãy cầm bằng hai tay hoặc tựa vào vật gì đó rồi chụp lại.",
    },
}
"""In the order in which a customer had best put them right."""

PARKED: Sentences = {
    "zh-CN": "系统无法自动检查这个文件，会由工作人员查看；文件已保存。",
    "en": "This file could not be checked automatically; it is kept, and a person will look at it.",
    "th": "ระบบตรวจไฟล์นี้อัตโนมัติไม่ได้ ไฟล์ถูกเก็บไว้และเจ้าหน้าที่จะตรวจดู",
    "vi": "Không thể tự động kiểm tra tệp này; tệp đã được lưu và nhân viên sẽ xem.",
}

FINE: Sentences = {
    "zh-CN": "照片清楚，可以使用。",
    "en": "The photograph is good enough.",
    "th": "ภาพชัดเจน ใช้ได้",
    "vi": "Ảnh đủ rõ để sử dụng.",
}


def sentence(code: str, language: str) -> str:
    """What a customer is told about a ``precheck.…`` code.

    Raises:
        KeyError: there is no such code, or no such language.
    """
    reason = code.removeprefix("precheck.")
    if reason == "ok":
        return FINE[language]
    if reason == "parked":
        return PARKED[language]
    return (REFUSALS.get(reason) or QUALITY[reason])[language]
