// loadgen's publisher: streams of H.264- and AAC-shaped messages, each with length, number and time of sending.
#pragma once
#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>
#include <queue>
#include <vector>

#include "wire.hpp"

static const u32 MAGIC = 0x5AD0CAFE;
struct Stamp {  // 24 bytes, host order
  u32 magic, len;
  u64 seq, t;
};

static volatile sig_atomic_t publishing_stopped = 0;

[[noreturn]] static void give_up(const char* why) {
  fprintf(stderr, "publisher: %s\n", why);
  exit(3);
}

// Whether all was written before a SIGTERM.
static bool write_all(int fd, const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    ssize_t n = write(fd, bytes.data() + at, bytes.size() - at);
    if (n >= 0) at += n;
    else if (publishing_stopped) return false;
    else if (errno == EAGAIN || errno == EINTR) usleep(200);
    else give_up(strerror(errno));
  }
  return true;
}

static void await_bytes(int fd, const std::string& wanted, const char* what) {
  std::string got;
  char buffer[4096];
  for (u64 began = now_ns(); got.find(wanted) == std::string::npos;) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0 || now_ns() - began > 10000000000ull) give_up(what);
    got.append(buffer, n);
  }
}

static const u32 OUT_CHUNK = 65536;

// A connected RTMP client, blocking: handshake and connect.
static int rtmp_connect(const char* host, int port, const std::string& app) {
  int fd = dial(host, port, false);
  if (fd < 0) give_up("cannot connect");
  std::string c1(1536, 0);
  for (size_t i = 8; i < c1.size(); i++) c1[i] = rand();
  write_all(fd, std::string(1, 3) + c1);
  char answer[3073];
  for (size_t got = 0; got < sizeof answer;) {
    ssize_t n = read(fd, answer + got, sizeof answer - got);
    if (n <= 0) give_up("closed in the handshake");
    got += n;
  }
  write_all(fd, std::string(answer + 1, 1536));
  std::string url = std::string("rtmp://") + host + ":" + std::to_string(port) + "/" + app;
  write_all(fd, chunkMsg(3, 20, 0, 0, cmdConnect(app, url), 128));
  await_bytes(fd, "Connect.Success", "no answer to connect");
  std::string size;
  be(size, OUT_CHUNK, 4);
  write_all(fd, chunkMsg(2, 1, 0, 0, size, 128));
  return fd;
}

// The connection publishes afterwards, and does not block any more.
static int rtmp_publish(const char* host, int port, const std::string& app, const std::string& name) {
  int fd = rtmp_connect(host, port, app);
  auto say = [&](int cid, u32 stream, const std::string& p) { write_all(fd, chunkMsg(cid, 20, stream, 0, p, OUT_CHUNK)); };
  say(3, 0, cmdNamed("releaseStream", 2, name));
  say(3, 0, cmdNamed("FCPublish", 3, name));
  say(3, 0, cmdNamed("createStream", 4));
  std::string result;
  aNum(result, 4);
  await_bytes(fd, result, "no answer to createStream");
  std::string p = cmdNamed("publish", 5, name);
  aStr(p, "live");
  say(4, 1, p);
  await_bytes(fd, "Publish.Start", "publish was not accepted");

  std::string meta;
  aStr(meta, "@setDataFrame"), aStr(meta, "onMetaData");
  meta.push_back(8), be(meta, 4, 4);
  aKey(meta, "width"), aNum(meta, 1280), aKey(meta, "height"), aNum(meta, 720);
  aKey(meta, "videocodecid"), aNum(meta, 7), aKey(meta, "audiocodecid"), aNum(meta, 10);
  be(meta, 9, 3);
  write_all(fd, chunkMsg(5, 18, 1, 0, meta, OUT_CHUNK));
  static const char sps[] = "\x67\x42\x00\x29\xe2\x90\x14\x07\xb6\x02\xdc\x04\x04\x06\x90\x78\x91\x15", pps[] = "\x68\xce\x3c\x80";
  std::string avc("\x17\0\0\0\0\x01\x42\x00\x29\xff\xe1", 11);
  be(avc, sizeof sps - 1, 2), avc.append(sps, sizeof sps - 1);
  avc.push_back(1), be(avc, sizeof pps - 1, 2), avc.append(pps, sizeof pps - 1);
  write_all(fd, chunkMsg(6, 9, 1, 0, avc, OUT_CHUNK));
  write_all(fd, chunkMsg(4, 8, 1, 0, std::string("\xaf\0\x12\x10", 4), OUT_CHUNK));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

struct PublishPlan {
  double kbps = 1000;
  int fps = 30, gop = 60;
  double secs = 0;  // of media; 0: until SIGTERM
  int streams = 1;
  double speed = 1;  // media seconds per second
};

struct Published {
  int fd;
  u64 frames = 0, sounds = 0, seq = 0;
  int shift;       // frames by which its keyframes are later than those of stream 0
  double offset;   // ms by which its frames are later
};

// Streams begin their frames and groups at different times, as encoders do: nothing arrives in step.
static int publish(const char* host, int port, const std::string& app, const std::string& name, const PublishPlan& plan) {
  signal(SIGTERM, [](int) { publishing_stopped = 1; });
  prctl(PR_SET_TIMERSLACK, 1);
  std::vector<Published> all;
  for (int i = 0; i < plan.streams; i++) {
    std::string stream = plan.streams > 1 ? name + std::to_string(i) : name;
    int fd = rtmp_publish(host, port, app, stream);
    all.push_back({fd, 0, 0, 0, (int)((long)i * plan.gop / plan.streams % plan.gop), i * 1000.0 / plan.fps / plan.streams});
  }
  fprintf(stderr, "publishing %d stream(s)\n", plan.streams);

  double group = plan.kbps * 1000 / 8 * plan.gop / plan.fps;
  size_t key = (size_t)std::min(20000.0 * plan.kbps / 1000, group / 3);
  size_t inter = plan.gop > 1 ? (size_t)((group - key) / (plan.gop - 1)) : key;
  std::string filler(std::max(key, inter) + 4096, 0);
  for (auto& x : filler) x = rand() | 0x80;

  auto mediaTime = [&](const Published& p) { return std::min(p.frames * 1000.0 / plan.fps, p.sounds * 1024000.0 / 44100); };
  typedef std::pair<double, int> Due;  // ms since the beginning, stream
  std::priority_queue<Due, std::vector<Due>, std::greater<Due>> queue;
  for (int i = 0; i < plan.streams; i++) queue.push({all[i].offset, i});
  u64 began = now_ns(), bytes = 0, messages = 0;
  double late = 0, behind = 0;
  char ignored[4096];
  while (!publishing_stopped && !queue.empty()) {
    auto [due, index] = queue.top();
    queue.pop();
    Published& p = all[index];
    double t = mediaTime(p);
    if (plan.secs && t > plan.secs * 1000) continue;
    long wait = began + (u64)(due * 1e6) - now_ns();
    if (wait > 0) {
      timespec pause{wait / 1000000000, wait % 1000000000};
      nanosleep(&pause, 0);
    }
    behind = (now_ns() - began) / 1e6 - due;
    late = std::max(late, behind);

    bool video = p.frames * 1000.0 / plan.fps <= t;
    bool isKey = video && (p.frames == 0 || (p.frames + p.shift) % plan.gop == 0);
    size_t length = video ? (isKey ? key : inter) : 256;
    std::string payload;
    if (video) {
      payload = std::string(1, isKey ? 0x17 : 0x27) + std::string("\1\0\0\0", 4);
      be(payload, length, 4);
      payload.push_back(isKey ? 0x65 : 0x41);
      p.frames++;
    } else {
      payload = "\xaf\1";
      p.sounds++;
    }
    size_t total = (video ? 9 : 2) + length;
    Stamp stamp{MAGIC, (u32)total, p.seq++, now_ns()};
    payload.append((char*)&stamp, sizeof stamp);
    payload.append(filler, 0, total - payload.size());
    std::string message = chunkMsg(video ? 6 : 4, video ? 9 : 8, 1, (u32)t, payload, OUT_CHUNK);
    if (!write_all(p.fd, message)) break;
    bytes += message.size(), messages++;
    if (p.seq % 16 == 0)
      while (read(p.fd, ignored, sizeof ignored) > 0) {}
    queue.push({p.offset + mediaTime(p) / plan.speed, index});
  }
  double seconds = (now_ns() - began) / 1e9;
  printf("{\"streams\":%d,\"seconds\":%.2f,\"msgs_s\":%.0f,\"mbps\":%.1f,\"late_max_ms\":%.1f,\"behind_ms\":%.1f}\n", plan.streams, seconds,
         messages / seconds, bytes * 8 / seconds / 1e6, late, behind);
  return 0;
}
