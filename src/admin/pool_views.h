// The part of the metrics that tells of pools and their backends. Pure text; the JSON is `pools_json` of
// json_views.h.
#pragma once

#include <vector>

#include "metrics/text_format.h"
#include "server/status.h"

namespace weir::admin {

void pool_metrics(metrics::TextFormat& out, const std::vector<server::PoolStatus>& pools);

}  // namespace weir::admin
