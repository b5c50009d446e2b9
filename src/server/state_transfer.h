// How things stand in a running Weir as what the next process is told (server/handed_state), and how a world
// goes on from that. On the control thread.
#pragma once

#include <vector>

#include "base/clock.h"
#include "config/model.h"
#include "server/handed_state.h"
#include "server/handover.h"
#include "server/log_writer.h"
#include "server/running.h"
#include "server/world.h"

namespace weir::server {

// All but the processes, and what operators have changed apart from backends that both have. `names`: what
// each stands for now.
HandedState state_to_hand_over(const Running& running, const std::vector<NameAtStart>& names,
                               base::TimePoint now);
std::vector<HandedTickets> tickets_to_hand_over(const Running& running, base::TimePoint now);

// What names stood for in the process before. `state` outlives it.
KnownAnswers known_answers(const HandedState& state);

// Backends, rates and keys of tickets as they were there, as far as they are called the same here. Before
// anybody is served.
void go_on_from(const HandedState& state, const std::vector<HandedTickets>& tickets,
                const config::Config& config, const World& world, base::TimePoint now);
// The log's level, where an operator has changed it since the configuration said the same as it does now.
void go_on_from(const HandedState& state, const config::Config& config, LogWriter& log);

}  // namespace weir::server
