# Ball arithmetic: FLINT::FLINT. FLINT 3 holds Arb; before, Arb was a library of its own (libarb,
# in Debian libflint-arb), and neither has a pkg-config file. Its headers lie beside or in flint/, and
# their inline functions call GMP, on which FLINT stands.
find_path(FLINT_ARB_INCLUDE_DIR arb_mat.h PATH_SUFFIXES flint)
find_path(FLINT_INCLUDE_DIR flint/flint.h)
find_library(FLINT_LIBRARY flint)
find_library(FLINT_ARB_LIBRARY NAMES flint-arb arb)
find_library(FLINT_GMP_LIBRARY gmp)
mark_as_advanced(FLINT_ARB_INCLUDE_DIR FLINT_INCLUDE_DIR FLINT_LIBRARY FLINT_ARB_LIBRARY
  FLINT_GMP_LIBRARY)

set(FLINT_PARTS ${FLINT_LIBRARY} ${FLINT_GMP_LIBRARY})
if(NOT FLINT_ARB_INCLUDE_DIR STREQUAL "${FLINT_INCLUDE_DIR}/flint")
  list(PREPEND FLINT_PARTS ${FLINT_ARB_LIBRARY})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(FLINT REQUIRED_VARS FLINT_PARTS FLINT_INCLUDE_DIR
  FLINT_ARB_INCLUDE_DIR)
if(FLINT_FOUND AND NOT TARGET FLINT::FLINT)
  add_library(FLINT::FLINT INTERFACE IMPORTED)
  target_include_directories(FLINT::FLINT INTERFACE ${FLINT_INCLUDE_DIR} ${FLINT_ARB_INCLUDE_DIR})
  target_link_libraries(FLINT::FLINT INTERFACE ${FLINT_PARTS})
endif()
