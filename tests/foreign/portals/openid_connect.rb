# A portal of one session on Ruby's WEBrick; a name on the last page says who is logged in.
require "webrick"
require "swd"

# The provider of the test has no TLS.
SWD.url_builder = URI::HTTP

# CONFIGURATION
SESSION = {}
server = WEBrick::HTTPServer.new(Port: ENV["PORT"].to_i, BindAddress: "127.0.0.1", AccessLog: [])
server.mount_proc("/login") { |_, response| response.set_redirect(WEBrick::HTTPStatus::SeeOther, begin_login(SESSION)) }
server.mount_proc("/callback") do |request, response|
  response["Content-Type"] = "text/html; charset=utf-8"
  response.body = "<main data-page='me'>#{end_login(SESSION, request.query).name}</main>"
end
server.start
