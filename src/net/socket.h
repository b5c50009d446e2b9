// The socket calls Weir needs, with errno kept as a number for the data path and as a `Result` for start-up.
// Every socket is non-blocking and close-on-exec. No policy here: who connects where, and when, is decided
// above.
#pragma once

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "net/watch.h"

namespace weir::net {

// By what the kernel notices that the other host of a connection has vanished. Set on the listening socket,
// from which accepted sockets inherit it, and on each socket towards a backend. tcp(7).
struct TcpOptions {
  std::optional<base::Millis> keepalive;  // idle time before the first probe; probes follow every third of it
  std::optional<base::Millis> user_timeout;  // TCP_USER_TIMEOUT
};

struct ListenOptions {
  TcpOptions tcp;
  int backlog = 0;
  bool v6only = true;
  bool shared = false;  // SO_REUSEPORT is set after the bind, so that sockets bound by `join` may follow
  std::optional<unsigned> socket_mode = 0660;
  // TCP_DEFER_ACCEPT: a connection is handed over when its first bytes are there, or, without any, after
  // about this long; at least a second. The kernel rounds it up to the steps in which it sends a SYN-ACK
  // again (1, 3, 7, 15 ... seconds): `effective_defer_accept`. What is put off stays in the SYN queue, and a
  // handshake that was answered with a cookie is not put off. Not for protocols in which the server speaks
  // first. tcp(7).
  std::optional<std::chrono::seconds> defer_accept;
  // TCP_FASTOPEN: connections that may wait with their first bytes in the SYN (RFC 7413); 0: none. Cut by
  // somaxconn, and idle unless net.ipv4.tcp_fastopen has its bit 2. tcp(7).
  unsigned fast_open = 0;
};

// Binds and listens. A TCP address is bound without SO_REUSEPORT first: another process (another Weir
// included) that holds the port makes this fail, as it should. A stale unix socket, on which nobody answers,
// is removed.
base::Result<base::UniqueFd> listen_on(const base::Address& address, const ListenOptions& options);

// A further socket on the port of a `shared` one. Precondition: `address` is its real TCP address.
base::Result<base::UniqueFd> join(const base::Address& address, const ListenOptions& options);

// The same, and it does not listen yet: `change_listening` makes it. Nobody comes there before.
base::Result<base::UniqueFd> bind_beside(const base::Address& address, const ListenOptions& options);

// Gives a socket that listens at `address` these options; what they leave out is turned off. `v6only` stays
// what it is, and so does SO_REUSEPORT once it is set. Connections that wait to be accepted stay.
base::Result<void> change_listening(int fd, const base::Address& address, const ListenOptions& options);

// Lets further sockets of this user be bound to the port of a TCP socket, or to one within its reach.
base::Result<void> share_port(int fd);

// How long a listening TCP socket really puts off a silent connection; zero when it does not, and for unix
// sockets.
std::chrono::seconds effective_defer_accept(int fd);

// The address a socket is bound to.
base::Result<base::Address> local_address(int fd);

// Where a connect comes from; what is left out the kernel chooses. Of no meaning to unix sockets.
struct ConnectFrom {
  // Of the family of the target. Port 0: the kernel chooses the port when it connects and not when it binds
  // (IP_BIND_ADDRESS_NO_PORT, ip(7)), so that a port which is busy towards one backend serves another one.
  // Another port: exactly that one, which may be in use towards other targets (SO_REUSEADDR).
  std::optional<base::Address> source;
  // `source` may be an address that this host has not (IP_TRANSPARENT, ip(7)): CAP_NET_RAW or CAP_NET_ADMIN,
  // EPERM without. The answers find their way back only where routing leads them here.
  bool transparent = false;
  // The only interface that packets leave and come by (SO_BINDTODEVICE, socket(7)); empty: any. Before Linux
  // 5.7 this takes CAP_NET_RAW.
  std::string interface;
};

// What was being done when a connect failed.
enum class ConnectStep {
  kOpen,       // socket(2) and its options
  kInterface,  // ENODEV: there is no such interface
  kSource,     // bind(2). EADDRNOTAVAIL: this host has no such address
  kConnect,    // connect(2). EADDRNOTAVAIL: no port of the source is left towards this target
};

// A connect that has begun. `error` 0: it stands. EINPROGRESS: wait for writability, then ask `take_error`.
struct Connecting {
  base::UniqueFd fd;
  int error = 0;
  ConnectStep step = ConnectStep::kConnect;  // the one that gave `error`

  // No port of the source is left towards the target; another source may have one. The kernel has looked at
  // every port to say so: 0.6 ms for 15 000 of them.
  bool out_of_ports() const { return error == EADDRNOTAVAIL && step == ConnectStep::kConnect; }
  // The source is no address of this host (or not any more, or not yet).
  bool not_our_address() const { return error == EADDRNOTAVAIL && step == ConnectStep::kSource; }
};

// Opens a socket towards `address`, sets its options and starts to connect. Never blocks.
Connecting start_connect(const base::Address& address, const TcpOptions& options,
                         const ConnectFrom& from = {});

// Gives a TCP socket that was connected with no options these ones. 0, or errno.
int set_liveness(int fd, const TcpOptions& options);

// Gives a TCP socket that was connected with other options these ones; what they leave out is turned off. 0,
// or errno.
int change_tcp_options(int fd, const TcpOptions& options);

// Whether a connection is open in both directions and nothing has come on it that was not read. Takes nothing
// from it.
bool is_silent(int fd);

// SO_ERROR, which reading clears. 0: none. Of a connection that stands no other than a reset, or the kernel's
// giving up, makes one; whoever takes it finds a plain end when reading.
int take_error(int fd);

// Whether a TCP socket is connected to itself: a connect to a dead local port may be given that very port as
// its source and then meets itself (RFC 9293 section 3.5, simultaneous open).
bool connected_to_itself(int fd);

// Bytes that were written but not yet acknowledged by the other side (SIOCOUTQ); 0 when the socket is dead.
int unacknowledged_bytes(int fd);

// Bytes that have arrived and not been read (SIOCINQ); 0 when there are none or the socket cannot tell.
int unread_bytes(int fd);

// How long ago the other host of a TCP connection was last heard of, be it only an acknowledgement (tcp_info,
// tcp(7); to about 10 ms). Zero for other sockets.
base::Millis silence_of(int fd);

// Of errno after a connection failed: the kernel gave the other host up for want of an answer (keep-alive,
// user timeout, no route), in contrast to a reset.
bool means_no_answer(int error);

// Of errno: it is this host, or this process, that is short of something, and another peer would meet that
// too.
bool is_own_shortage(int error);

// Whether the connection is over in both directions, by an error or a reset. One whose other side has only
// ended its stream goes on.
bool has_hung_up(int fd);

// Whether `fd` is ready for any of `interest` at this moment, or has an error. False without interest.
bool is_ready(int fd, Interest interest);

// Closes so that the other side sees a reset instead of an end of stream, and what is queued is dropped
// (SO_LINGER 0).
void abort_connection(base::UniqueFd& fd);

// Closes so that the other side sees an end of stream, whatever it has sent so far (at most 64 KiB are read
// away): with input unread the kernel would send a reset. What comes afterwards is answered with one.
void end_connection(base::UniqueFd& fd);

// The kernel's cap on a backlog, from /proc/sys/net/core/somaxconn; 4096 when it cannot be read.
int somaxconn();

}  // namespace weir::net
