// Arrays that record, and elementwise ops on them.
#pragma once

#include <autodiff/apply.hpp>
#include <autodiff/basic_tensor.hpp>
