// The part of the metrics that tells of the process as the kernel sees it, and of its workers. Pure text.
#pragma once

#include <vector>

#include "metrics/text_format.h"
#include "server/status.h"

namespace weir::admin {

// What runs here, with the names that Prometheus' own libraries give to what every process has.
void process_facts_metrics(metrics::TextFormat& out, const server::ProcessFacts& facts);

void worker_metrics(metrics::TextFormat& out, const std::vector<server::WorkerStatus>& workers);

}  // namespace weir::admin
