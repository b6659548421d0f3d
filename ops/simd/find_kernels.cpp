// Finds the kernels of an op, for the active instruction set.
#include <autodiff/simd/elementwise.hpp>

#include <ops/ops.hpp>
#include <ops/simd/array_tables.hpp>
#include <ops/simd/tables.hpp>

namespace gradus {

constinit std::atomic<const gradus_kernels::RowTables*> detail::chosen_rows = nullptr;

namespace {

const gradus_kernels::Elementwise& active() { return GRADUS_ACTIVE_KERNELS(elementwise); }

/// The entry at the place of the op with that key in the list; null when there is none, or it is empty.
template <class Entry, class... Ops> const Entry* entry_at(const Entry* entries, const void* key, bool (*is_empty)(const Entry&), OpList<Ops...>) {
  const void* const keys[] = {&op_key<Ops>...};
  for (std::size_t i = 0; i < sizeof...(Ops); ++i)
    if (keys[i] == key) return is_empty(entries[i]) ? nullptr : &entries[i];
  return nullptr;
}
template <class Real> const gradus_kernels::Unary<Real>* find(const gradus_kernels::Unary<Real>* entries, const void* key) {
  return entry_at<gradus_kernels::Unary<Real>>(entries, key, [](const gradus_kernels::Unary<Real>& e) { return e.value == nullptr; }, ElementwiseOps());
}
template <class Real> const gradus_kernels::Binary<Real>* find(const gradus_kernels::Binary<Real>* entries, const void* key) {
  return entry_at<gradus_kernels::Binary<Real>>(entries, key, [](const gradus_kernels::Binary<Real>& e) { return e.value[0] == nullptr; }, ElementwiseOps());
}

}  // namespace

template <> const gradus_kernels::Unary<float>* find_unary_kernels<float>(const void* key) { return find(active().unary_float, key); }
template <> const gradus_kernels::Unary<double>* find_unary_kernels<double>(const void* key) { return find(active().unary_double, key); }
template <> const gradus_kernels::Binary<float>* find_binary_kernels<float>(const void* key) { return find(active().binary_float, key); }
template <> const gradus_kernels::Binary<double>* find_binary_kernels<double>(const void* key) { return find(active().binary_double, key); }

}  // namespace gradus
