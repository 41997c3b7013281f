// Connections that only hold on to what they have.  g++ -O2 -std=c++17 hold.cpp -o hold
//  hold tcp|handshake|connect|stuck|half|loose HOST PORT APP NAME COUNT [ramp=2000/s]
//    tcp, handshake, connect   go so far and then say nothing
//    stuck                     play NAME and never read again
//    half                      publish NAME0, NAME1 …, each with one message of 16 MB whose end never comes
//    loose                     begin 60 messages of 16 MB on one connection, before they may: only after the handshake
// Prints a JSON line four times a second: connections opened, those that have got where they should (`ready`), those the
// server closed, and ms from a connection's beginning to its end (first, last). Ends with SIGTERM.
#include <sys/epoll.h>

#include <csignal>
#include <cstdlib>
#include <vector>

#include "wire.hpp"
using std::string;

enum class Goal { tcp, handshake, connect, stuck, half, loose };
enum class Step { dialling, handshake, connect, createStream, begin, there };

struct Client {
  int fd = -1;
  Step step = Step::dialling;
  u64 began = 0;
  string got, unsent;
  size_t bulk = 0;  // bytes left of `bulk_bytes`, which come behind `unsent`
};

static Goal goal;
static string app, name, url;
static int epoll_fd;
static std::vector<Client> clients;
static u32 opened = 0, ready = 0, closed = 0;
static u64 first_end = 0, last_end = 0;
static string bulk_bytes;
static volatile sig_atomic_t stopped = 0;

// 16 MB, less the one byte that no header can say; all but the last 64 KB are sent.
static const u32 MESSAGE = 0xffffff, MISSING = 65536, CHUNK = 65536;

static void watch(u32 index, u32 events) {
  epoll_event e{};
  e.events = events;
  e.data.u32 = index;
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, clients[index].fd, &e);
}

// Whether the connection is to be watched for reading, once there.
static bool reads() { return goal != Goal::stuck; }

static void flush(u32 index) {
  Client& c = clients[index];
  while (!c.unsent.empty()) {
    ssize_t n = write(c.fd, c.unsent.data(), c.unsent.size());
    if (n <= 0) break;
    c.unsent.erase(0, n);
  }
  while (c.unsent.empty() && c.bulk) {
    ssize_t n = write(c.fd, bulk_bytes.data() + bulk_bytes.size() - c.bulk, c.bulk);
    if (n <= 0) break;
    c.bulk -= n;
  }
  bool deaf = c.step == Step::there && !reads();
  watch(index, (deaf ? 0u : (u32)EPOLLIN) | EPOLLRDHUP | (c.unsent.empty() && !c.bulk ? 0u : (u32)EPOLLOUT));
}

static void say(Client& c, const string& bytes) { c.unsent += bytes; }
static string command(const string& payload, int cid, u32 stream) { return chunkMsg(cid, 20, stream, 0, payload, 128); }

static void arrive(Client& c) {
  c.step = Step::there;
  ready++;
}

// The beginning of a message, in chunks of `size`, without its last `missing` bytes.
static string half_message(int cid, u32 stream, u32 size, u32 missing) {
  string whole = chunkMsg(cid, 9, stream, 0, string(MESSAGE, '\x27'), size);
  whole.resize(whole.size() - missing);
  return whole;
}

static void begin_publish(Client& c) {
  string size;
  be(size, CHUNK, 4);
  say(c, chunkMsg(2, 1, 0, 0, size, 128));
  if (bulk_bytes.empty()) bulk_bytes = half_message(6, 1, CHUNK, MISSING);
  c.bulk = bulk_bytes.size();
}

static void after_handshake(Client& c) {
  if (goal == Goal::handshake) return arrive(c);
  if (goal == Goal::loose) {
    for (int cid = 3; cid < 63; cid++) {
      string header = chunkMsg(cid, 9, 1, 0, string(128, 'x'), 128);
      header[4] = header[5] = header[6] = (char)0xff;  // the length that it declares
      say(c, header);
    }
    return arrive(c);
  }
  say(c, chunkMsg(3, 20, 0, 0, cmdConnect(app, url), 128));
  c.step = Step::connect;
}

static void received(u32 index) {
  Client& c = clients[index];
  auto take = [&](const char* wanted, size_t length) {
    size_t at = c.got.find(string(wanted, length));
    if (at == string::npos) return false;
    c.got.erase(0, at + length);
    return true;
  };
  if (c.step == Step::handshake && c.got.size() >= 3073) {
    c.got.erase(0, 3073);
    say(c, string(1536, 0));
    after_handshake(c);
  }
  if (c.step == Step::connect && take("Connect.Success", 15)) {
    if (goal == Goal::connect) arrive(c);
    else {
      say(c, command(cmdNamed("createStream", 4), 3, 0));
      c.step = Step::createStream;
    }
  }
  if (c.step == Step::createStream && take("\0\x40\x10\0\0\0\0\0\0", 9)) {
    bool plays = goal == Goal::stuck;
    string stream = plays ? name : name + std::to_string(index);
    string p = cmdNamed(plays ? "play" : "publish", 5, stream);
    if (!plays) aStr(p, "live");
    say(c, command(p, 8, 1));
    c.step = Step::begin;
  }
  if (c.step == Step::begin && take(goal == Goal::stuck ? "Play.Start" : "Publish.Start", goal == Goal::stuck ? 10 : 13)) {
    if (goal == Goal::half) begin_publish(c);
    arrive(c);
  }
  flush(index);
}

static void ended(Client& c) {
  if (c.fd < 0) return;
  close(c.fd);
  c.fd = -1;
  c.got.clear(), c.unsent.clear();
  closed++;
  u64 age = now_ns() - c.began;
  if (!first_end) first_end = age;
  last_end = age;
}

static void handle(u32 index, u32 events) {
  Client& c = clients[index];
  if (c.fd < 0) return;
  if (c.step == Step::dialling && (events & EPOLLOUT)) {
    if (goal == Goal::tcp) arrive(c);
    else {
      c.step = Step::handshake;
      string c1(1537, 0);
      c1[0] = 3;
      say(c, c1);
    }
    flush(index);
  } else if (events & EPOLLOUT) flush(index);
  if (c.step == Step::there && !reads()) {
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ended(c);
    return;
  }
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))) return;
  char buffer[65536];
  for (;;) {
    ssize_t n = read(c.fd, buffer, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (n <= 0) return ended(c);
    if (c.step != Step::there) {
      c.got.append(buffer, n);
      received(index);
      if (c.step == Step::there && !reads()) return;
    }
  }
}

static void report() {
  printf("{\"opened\":%u,\"ready\":%u,\"closed\":%u,\"first_end_ms\":%.0f,\"last_end_ms\":%.0f}\n", opened, ready, closed, first_end / 1e6,
         last_end / 1e6);
  fflush(stdout);
}

int main(int argc, char** argv) {
  static const char* goals[] = {"tcp", "handshake", "connect", "stuck", "half", "loose"};
  int chosen = -1;
  for (int i = 0; i < 6 && argc > 6; i++)
    if (!strcmp(argv[1], goals[i])) chosen = i;
  if (chosen < 0) return fprintf(stderr, "usage: hold tcp|handshake|connect|stuck|half|loose HOST PORT APP NAME COUNT [ramp]\n"), 2;
  goal = (Goal)chosen, app = argv[4], name = argv[5];
  const char* host = argv[2];
  int port = atoi(argv[3]), count = atoi(argv[6]);
  double ramp = argc > 7 ? atof(argv[7]) : 2000;
  url = string("rtmp://") + host + ":" + argv[3] + "/" + app;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, [](int) { stopped = 1; });
  raise_open_files();
  epoll_fd = epoll_create1(0);
  clients.resize(count);
  u64 began = now_ns(), next_report = 0;
  epoll_event events[512];
  while (!stopped) {
    u64 now = now_ns();
    while (opened < (u32)count && (now - began) / 1e9 * ramp >= opened) {
      Client& c = clients[opened];
      c.began = now;
      c.fd = dial(host, port, true, goal == Goal::stuck ? 65536 : 0);
      if (c.fd < 0) closed++;
      else {
        epoll_event e{};
        e.events = EPOLLOUT | EPOLLIN | EPOLLRDHUP;
        e.data.u32 = opened;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c.fd, &e);
      }
      opened++;
    }
    if (now >= next_report) report(), next_report = now + 250000000;
    int n = epoll_wait(epoll_fd, events, 512, opened < (u32)count ? 1 : 50);
    for (int i = 0; i < n; i++) handle(events[i].data.u32, events[i].events);
  }
  report();
  return 0;
}
