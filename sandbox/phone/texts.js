// What the app says, in Vietnamese and English. Sentences about refusals come from the provider; `bad_...` are about
// what only the app knows.

export const TEXTS = {
  brand: ["Ứng dụng BHXH", "BHXH app"],
  simulated: [
    "Điện thoại mô phỏng để thử nghiệm. Đừng nhập mật khẩu thật.",
    "A played phone, for tests. Type no real password.",
  ],
  language: ["English", "Tiếng Việt"],
  inbox: ["Hộp thư thử nghiệm (tin nhắn)", "Test inbox (text messages)"],
  wait: ["Đang tải…", "Loading…"],
  title: ["Ứng dụng BHXH (mô phỏng)", "BHXH app (played)"],
  retry: ["Thử lại", "Try again"],
  go_on: ["Tiếp tục", "Continue"],
  back: ["Quay lại", "Back"],
  home: ["Về trang chính", "Home"],

  lost_title: ["Không có mạng", "No network"],
  bad_lost: [
    "Điện thoại không liên lạc được với máy chủ BHXH. Hãy kiểm tra mạng rồi thử lại.",
    "The phone cannot reach the VSS server. Check the network, then try again.",
  ],
  bad_failed: ["Không thực hiện được. Hãy thử lại.", "That did not work. Try again."],
  bad_statement: [
    "Câu trả lời không do máy chủ BHXH ký, nên ứng dụng không hiển thị. Đừng tiếp tục.",
    "The answer was not signed by the VSS server, so the app does not show it. Do not go on.",
  ],
  bad_not_ours: [
    "Đây không phải mã đăng nhập của BHXH. Ứng dụng chưa gửi gì đi. Đừng mở liên kết này.",
    "This is no login code of VSS. Nothing was sent. Do not open this link.",
  ],
  bad_no_code: ["Không thấy mã QR nào trong ảnh này.", "There is no QR code in this picture."],
  bad_no_picture: ["Không mở được tệp này như một ảnh.", "This file cannot be opened as a picture."],
  left: ["Còn {left} lần thử.", "{left} tries left."],
  bad_expired: ["Mã này đã hết hạn. Hãy bấm “Tải lại” trên màn hình.", "The code has expired. Press “Reload” there."],
  bad_wrong_number: [
    "Số đã sai ba lần, nên mã này đã bị hủy. Hãy bấm “Tải lại” trên màn hình rồi quét lại.",
    "The number was wrong three times, so this code is void. Press “Reload” on the screen and scan again.",
  ],
  bad_number: ["Số trên màn hình có 2 chữ số.", "The number on the screen has 2 digits."],
  left_one: ["Còn 1 lần thử.", "1 try left."],

  welcome: ["Ứng dụng BHXH trên điện thoại", "The BHXH app on your phone"],
  welcome_lead: [
    "Đăng nhập một lần để dùng điện thoại này quét mã QR và vào các cổng dịch vụ trên máy tính.",
    "Log in once, then use this phone to scan QR codes and log in on computers.",
  ],
  log_in: ["Đăng nhập", "Log in"],
  log_out: ["Dùng tài khoản khác", "Use another account"],
  bad_cancelled: ["Bạn đã dừng đăng nhập.", "You stopped the login."],
  bad_logged_out: ["Phiên của ứng dụng đã hết. Hãy đăng nhập lại.", "The login of the app is over. Log in again."],
  bad_not_begun: [
    "Câu trả lời này không thuộc lần đăng nhập nào của điện thoại này.",
    "This answer belongs to no login of this phone.",
  ],

  enrol: ["Đăng ký điện thoại này", "Enrol this phone"],
  enrol_lead: ["Đăng nhập với tên {who}. Đặt mật khẩu riêng cho ứng dụng.", "Logged in as {who}. Choose a passcode for the app."],
  name: ["Tên điện thoại", "Name of the phone"],
  passcode_new: ["Mật khẩu ứng dụng mới (6 chữ số)", "New passcode (6 digits)"],
  passcode_again: ["Nhập lại mật khẩu ứng dụng mới", "New passcode again"],
  passcode_old: ["Mật khẩu ứng dụng hiện tại", "Present passcode"],
  passcode_hint: [
    "Không dùng mật khẩu tài khoản, ngày sinh hay số điện thoại.",
    "Not the account's password, a birth date or a phone number.",
  ],
  bad_differ: ["Hai lần nhập không giống nhau.", "The two do not agree."],

  other: ["Đang dùng trên điện thoại khác", "In use on another phone"],
  other_lead: [
    "Mỗi tài khoản chỉ dùng ứng dụng trên một điện thoại. Nếu tiếp tục, điện thoại dưới đây bị thoát.",
    "An account uses the app on one phone only. If you go on, the phone below is signed out.",
  ],
  other_after: [
    "Chúng tôi gửi mã tới số điện thoại đã đăng ký; điện thoại kia chỉ bị thoát khi mã được nhập đúng.",
    "A code goes to the registered number; the other phone is signed out only once the code is right.",
  ],
  keep: ["Giữ điện thoại kia", "Keep the other phone"],

  code: ["Nhập mã xác thực", "Enter the code"],
  code_lead: ["Mã đã gửi bằng tin nhắn tới {to}.", "The code was sent by text message to {to}."],
  code_label: ["Mã xác thực gồm 6 chữ số", "Code of 6 digits"],
  code_again: ["Gửi lại mã", "Send it again"],
  code_sent: ["Mã vừa gửi vẫn dùng được. Có thể gửi lại lúc {at}.", "The code that was sent still works. Another can be sent at {at}."],

  hello: ["Xin chào, {who}", "Hello, {who}"],
  enrolled: ["Điện thoại này đã được đăng ký.", "This phone is enrolled."],
  scan: ["Quét mã", "Scan a code"],
  change: ["Đổi mật khẩu ứng dụng", "Change the passcode"],
  changed: ["Đã đổi mật khẩu ứng dụng.", "The passcode was changed."],
  remove: ["Gỡ điện thoại này", "Remove this phone"],
  remove_lead: [
    "Điện thoại này sẽ bị thoát và không xác nhận được gì nữa cho đến khi đăng ký lại.",
    "This phone will be signed out and confirms nothing until it is enrolled again.",
  ],
  remove_yes: ["Gỡ", "Remove"],
  device_name: ["Tên điện thoại", "Phone"],
  device_network: ["Mạng", "Network"],
  device_since: ["Đăng ký lúc", "Enrolled"],
  device_seen: ["Dùng lần cuối lúc", "Last used"],

  scan_lead: ["Hướng camera vào mã trên màn hình trước mặt bạn.", "Point the camera at the code on the screen in front of you."],
  camera_off: ["Camera đang tắt.", "The camera is off."],
  camera_on: ["Bật camera", "Turn the camera on"],
  camera_looking: ["Đang tìm mã…", "Looking for a code…"],
  camera_none: [
    "Không dùng được camera. Hãy chọn ảnh chụp màn hình, hoặc dán liên kết của mã.",
    "The camera cannot be used. Choose a screenshot, or paste the link of the code.",
  ],
  picture: ["Chọn hoặc dán ảnh có mã", "Choose or paste a picture of the code"],
  link: ["Hoặc dán nội dung của mã", "Or paste what the code says"],
  link_hint: ["Bắt đầu bằng {link}#", "It begins with {link}#"],

  card: ["Ai đang yêu cầu đăng nhập?", "Who is asking?"],
  card_browser: ["Trình duyệt", "Browser"],
  card_place: ["Nơi (ước chừng)", "Place (roughly)"],
  card_network: ["Mạng", "Network"],
  card_time: ["Lúc", "Time"],
  unknown: ["không rõ", "unknown"],
  near: ["Cùng mạng với điện thoại này.", "In the same network as this phone."],
  far: [
    "Khác mạng với điện thoại này. Có thể ai đó ở nơi khác đang hiện mã cho bạn quét. Chỉ xác nhận nếu màn hình ở ngay trước mặt bạn.",
    "In another network than this phone. Somebody elsewhere may be showing you the code. Confirm only if the screen is right in front of you.",
  ],
  seconds: ["Còn {seconds} giây", "{seconds} seconds left"],
  deny: ["Từ chối", "Refuse"],
  confirm: ["Xác nhận", "Confirm"],
  not_me: ["Không phải tôi", "This was not me"],
  intruded: [
    "Một điện thoại khác cũng vừa quét mã này và đã bị từ chối. Nếu bạn không hiểu vì sao, hãy từ chối.",
    "Another phone scanned this code too and was refused. If you do not know why, refuse.",
  ],

  number: ["Nhập số trên màn hình", "Type the number on the screen"],
  number_lead: ["Nhập 2 chữ số đang hiện cạnh nơi có mã QR.", "Type the two digits shown where the QR code was."],
  number_label: ["Số có 2 chữ số", "Number of two digits"],
  passcode: ["Nhập mật khẩu ứng dụng", "Type the passcode"],
  passcode_lead: ["Để vào {portal}.", "To log in to {portal}."],
  passcode_label: ["Mật khẩu ứng dụng (6 chữ số)", "Passcode (6 digits)"],

  done: ["Đã xác nhận", "Confirmed"],
  done_said: ["Màn hình kia sẽ tự vào {portal}.", "The screen goes on to {portal} by itself."],
  denied: ["Đã từ chối", "Refused"],
  denied_said: ["Không ai được vào bằng mã này.", "Nobody gets in by this code."],
  blocked: ["Đã chặn", "Blocked"],
  blocked_said: [
    "Trình duyệt đó không vào được bằng mã QR, và phiên nó vừa mở (nếu có) đã kết thúc.",
    "That browser does not get in by QR code, and what it had opened (if anything) has ended.",
  ],
  sessions: ["Các phiên còn mở của bạn:", "Your sessions that are still open:"],
  sessions_none: ["Bạn không còn phiên nào đang mở.", "You have no open session."],
  stopped: ["Chưa đăng nhập được", "The login stopped"],
  scan_again: ["Quét mã khác", "Scan another code"],

  ended: ["Điện thoại này đã bị thoát", "This phone was signed out"],
  ended_replaced: ["Điện thoại {successor} đã thay thế điện thoại này.", "The phone {successor} took the place of this one."],
  ended_replaced_soon: ["Một điện thoại khác đã thay thế điện thoại này.", "Another phone took the place of this one."],
  ended_unenrolled: ["Điện thoại này đã được gỡ.", "This phone was removed."],
  ended_passcode: [
    "Mật khẩu ứng dụng đã bị nhập sai 5 lần, nên điện thoại này bị gỡ.",
    "The passcode was wrong 5 times, so this phone was removed.",
  ],
  ended_operator: ["Cán bộ đã gỡ điện thoại này.", "An officer removed this phone."],
  ended_secured: ["Tài khoản đã được bảo vệ lại, nên mọi điện thoại đều bị thoát.", "The account was secured, so every phone was signed out."],
  ended_at: ["Lúc", "Time"],
  disown_lead: [
    "Nếu không phải bạn đã đổi điện thoại, hãy bấm “Không phải tôi”: mọi phiên và điện thoại kia đều bị thoát.",
    "If it was not you, press “This was not me”: every session and the other phone are signed out.",
  ],
  disowned: [
    "Đã thoát mọi phiên và điện thoại kia. Hãy đăng nhập lại và đổi mật khẩu tài khoản.",
    "Every session and the other phone were signed out. Log in again and change your password.",
  ],
  anew: ["Đăng nhập lại", "Log in again"],
};

let chosen = "vi";

export const language = () => chosen;

export function speak(wished) {
  chosen = wished === "en" ? "en" : "vi";
  document.documentElement.lang = chosen;
}

// The sentence of this name, with its {words} filled in.
export function say(name, words = {}, spoken = chosen) {
  const text = TEXTS[name][spoken === "en" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, word) => String(words[word] ?? ""));
}

export function moment(seconds) {
  const shown = { hour: "2-digit", minute: "2-digit", day: "2-digit", month: "2-digit", year: "numeric" };
  return new Date(seconds * 1000).toLocaleString(chosen === "en" ? "en-GB" : "vi-VN", shown);
}
