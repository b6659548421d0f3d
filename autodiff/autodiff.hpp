// The engine in one include: tape, variables, tensors, forward mode, drivers, programs. Add <ops/ops.hpp> for the functions.
#pragma once

#include <autodiff/custom.hpp>
#include <autodiff/drivers.hpp>
#include <autodiff/dual.hpp>
#include <autodiff/error.hpp>
#include <autodiff/op.hpp>
#include <autodiff/program/program.hpp>
#include <autodiff/tape.hpp>
#include <autodiff/tensor.hpp>
#include <autodiff/threads.hpp>
#include <autodiff/var.hpp>
