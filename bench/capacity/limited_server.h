// The server that the probe measures: greets each client with one byte and keeps the connection until the
// client ends it. With a limit it is the kind that runs out: one thread a connection, and so few descriptors
// that it must turn clients away (it accepts and closes them, by a descriptor kept in reserve). Without a
// limit one thread holds all of them. Runs in a process of its own, which the probe starts from its own
// binary.
#pragma once

namespace weir::capacity {

// What a server sends to a client that it holds.
constexpr char kGreeting = '+';

// Listens on a free port of 127.0.0.1, prints that port as a line, serves until a signal ends the process.
// The first client that is turned away is told by a second line. `descriptors` is its limit of open files, 0
// for what the process has. Returns the exit status of a failure.
int serve(int descriptors);

}  // namespace weir::capacity
