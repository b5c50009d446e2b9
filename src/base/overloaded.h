// Several lambdas as one visitor: for std::visit, one for each alternative.
#pragma once

namespace weir::base {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace weir::base
