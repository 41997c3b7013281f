// What the measuring tools have in common: time, sockets, and the client's side of RTMP.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

inline u64 now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

inline void raise_open_files() {
  rlimit limit{200000, 200000};
  if (!setrlimit(RLIMIT_NOFILE, &limit)) return;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Connections come from 16 addresses in turn: servers limit what one address may open.
inline int dial(const char* host, int port, bool nonblocking, int receive_buffer = 0) {
  static u32 count = 0;
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0), 0);
  if (fd < 0) return -1;
  sockaddr_in remote{}, local{};
  remote.sin_family = local.sin_family = AF_INET;
  remote.sin_port = htons(port);
  inet_pton(AF_INET, host, &remote.sin_addr);
  local.sin_addr.s_addr = htonl(0x7f000001 + count++ % 16);
  setsockopt(fd, SOL_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
  bind(fd, (sockaddr*)&local, sizeof local);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (receive_buffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (connect(fd, (sockaddr*)&remote, sizeof remote) && errno != EINPROGRESS) {
    perror("connect");
    close(fd);
    return -1;
  }
  return fd;
}

inline void be(std::string& out, u64 value, int bytes) {
  for (int i = bytes - 1; i >= 0; i--) out.push_back((char)(value >> (8 * i)));
}
inline void aNum(std::string& out, double value) {
  u64 bits;
  memcpy(&bits, &value, 8);
  out.push_back(0);
  be(out, bits, 8);
}
inline void aKey(std::string& out, const std::string& text) {
  be(out, text.size(), 2);
  out += text;
}
inline void aStr(std::string& out, const std::string& text) {
  out.push_back(2);
  aKey(out, text);
}
inline void aNull(std::string& out) { out.push_back(5); }

// One message in chunks of `size` bytes.
inline std::string chunkMsg(int cid, int type, u32 stream, u32 ts, const std::string& payload, u32 size) {
  std::string out;
  bool extended = ts >= 0xffffff;
  out.push_back((char)cid);
  be(out, extended ? 0xffffff : ts, 3);
  be(out, payload.size(), 3);
  out.push_back((char)type);
  for (int i = 0; i < 4; i++) out.push_back((char)(stream >> (8 * i)));
  if (extended) be(out, ts, 4);
  for (size_t i = 0; i < payload.size(); i += size) {
    if (i) {
      out.push_back((char)(0xC0 | cid));
      if (extended) be(out, ts, 4);
    }
    out.append(payload, i, std::min<size_t>(size, payload.size() - i));
  }
  return out;
}

inline std::string cmdConnect(const std::string& app, const std::string& url) {
  std::string p;
  aStr(p, "connect");
  aNum(p, 1);
  p.push_back(3);
  aKey(p, "app"), aStr(p, app);
  aKey(p, "flashVer"), aStr(p, "LNX 9,0,124,2");
  aKey(p, "tcUrl"), aStr(p, url);
  aKey(p, "fpad"), p.push_back(1), p.push_back(0);
  aKey(p, "capabilities"), aNum(p, 15);
  aKey(p, "audioCodecs"), aNum(p, 4071);
  aKey(p, "videoCodecs"), aNum(p, 252);
  aKey(p, "videoFunction"), aNum(p, 1);
  be(p, 9, 3);
  return p;
}

// A command without arguments beside a name, such as releaseStream; none when the name is empty.
inline std::string cmdNamed(const char* command, double transaction, const std::string& name = "") {
  std::string p;
  aStr(p, command);
  aNum(p, transaction);
  aNull(p);
  if (!name.empty()) aStr(p, name);
  return p;
}
