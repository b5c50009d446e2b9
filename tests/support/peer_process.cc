#include "support/peer_process.h"

#include <stdexcept>

#include "support/socket.h"

namespace weir::test {

PeerProcess::PeerProcess(const std::string& mode, const ChildOptions& options, const std::string& host)
    : child_({WEIR_TEST_PEER, mode, host}, options) {
  address_ = address_of(host + ":" + std::to_string(wait_for("port")));
}

std::size_t PeerProcess::wait_for(const std::string& word) {
  const auto line =
      child_.wait_for_line([&](const std::string& text) { return text.starts_with(word + " "); });
  if (!line) throw std::runtime_error("the peer never said \"" + word + "\":\n" + child_.output());
  return std::stoul(line->substr(word.size() + 1));
}

}  // namespace weir::test
