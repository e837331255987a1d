// A daemon's log stays its own: one JSON object a line, whatever a stranger sends.
#include <fstream>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/story/processes.h"

namespace story {
namespace {

// An HTTP/2 frame, RFC 9113 section 4.1.
std::string Frame(uint8_t type, uint8_t flags, uint8_t stream, const std::string& payload) {
  const size_t size = payload.size();
  std::string frame = {static_cast<char>(size >> 16),
                       static_cast<char>(size >> 8),
                       static_cast<char>(size),
                       static_cast<char>(type),
                       static_cast<char>(flags),
                       0,
                       0,
                       0,
                       static_cast<char>(stream)};
  return frame + payload;
}

// A header field that is neither indexed nor compressed, RFC 7541 section 6.2.2. Below 127 bytes.
std::string Header(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}

void SendRawCall(int port, const std::string& content_type) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  ASSERT_EQ(connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string headers = Header(":method", "POST") + Header(":scheme", "http") +
                              Header(":path", "/x.Y/Z") + Header(":authority", "a") +
                              Header("content-type", content_type) + Header("te", "trailers");
  const std::string bytes =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0, "") + Frame(1, 5, 1, headers);
  ASSERT_EQ(send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  // Until the answer to stream 1, or the end: then the headers have been read.
  char byte;
  std::string answer;
  constexpr size_t kAnswerMax = 4096;
  while (answer.size() < kAnswerMax && recv(socket, &byte, 1, 0) == 1) {
    answer.push_back(byte);
    if (answer.find("grpc-status") != std::string::npos) break;
    if (answer.find(std::string("\x01\x05\0\0\0\x01", 6)) != std::string::npos) break;
  }
  close(socket);
}

TEST(Log, NobodyElseWritesIt) {
  GameSide game_side;
  const std::string address = game_side.daemon.grpc_address();
  SendRawCall(std::stoi(address.substr(address.find(':') + 1)),
              "a\n{\"event\":\"forged\",\"level\":\"error\"}");
  game_side.daemon.Stop();
  std::ifstream log(game_side.daemon.directory() / "log");
  bool told = false;
  for (std::string line; std::getline(log, line);) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    EXPECT_TRUE(parsed.is_object()) << line;
    EXPECT_EQ(line.find("forged"), std::string::npos) << line;
    told |= parsed.value("event", "") == "grpc.core";
  }
  EXPECT_TRUE(told) << "gRPC had nothing to say of it";
}

}  // namespace
}  // namespace story
