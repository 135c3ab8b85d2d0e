/* The inputs of wgamma distance: two clouds and their weights.
 *
 * The library checks all of this again, but it knows its arguments as x, y, a and b; what a user
 * has to repair is an entry of a file, so files are named here. --key names the member of an .npz:
 * one name for every .npz, or a list in the order X, Y, --a, --b. Cost O(n d + m d). */
#include <inttypes.h>
#include <string.h>

#include "distance.h"

/* ---- keys ---- */

enum { X, Y, A, B, INPUTS };

typedef struct keys {
  int64_t count;
  char *names[INPUTS]; /* one, or one an input */
  bool used;
} keys;

static int split_keys(wg_mem *mem, const char *list, keys *found) {
  *found = (keys){.count = 0};
  if (!list) return WG_OK;
  char *at = WG_NEW(mem, char, strlen(list) + 1);
  if (!at) return wg_no_memory();
  memcpy(at, list, strlen(list) + 1);
  for (char *comma = at; comma; at = comma + 1) {
    comma = strchr(at, ',');
    if (comma) *comma = '\0';
    if (found->count == INPUTS || at[0] == '\0')
      return wg_fail(WG_ERR_ARGUMENT,
                     "--key '%s' is not usable: give one name, or names for X, Y, --a and --b in "
                     "this order, separated by commas",
                     list);
    found->names[found->count++] = at;
  }
  return WG_OK;
}

static const char *key_for(const keys *found, int input) {
  if (found->count == 1) return found->names[0];
  return input < found->count ? found->names[input] : NULL;
}

static int read_array(wg_mem *mem, const char *path, int input, keys *members, wg_io_array *array) {
  return wg_cli_read_member(mem, path, key_for(members, input), &members->used, array);
}

/* ---- one cloud ---- */

static int read_points(wg_mem *mem, const char *path, int input, keys *members,
                       wg_distance_cloud *cloud) {
  wg_io_array array;
  WG_TRY(read_array(mem, path, input, members, &array));
  WG_TRY(wg_io_check_points(path, &array, &cloud->n, &cloud->d));
  WG_TRY(wg_io_check_finite(path, &array));
  wg_io_shape_text(cloud->shape, array.ndim, array.shape);
  cloud->points = array.data;
  return WG_OK;
}

static int read_weights(wg_mem *mem, const char *path, int input, keys *members,
                        const char *points_path, wg_distance_cloud *cloud) {
  wg_io_array array;
  int64_t count;
  if (!path) return WG_OK;
  WG_TRY(read_array(mem, path, input, members, &array));
  WG_TRY(wg_io_check_vector(path, &array, &count));
  WG_TRY(wg_io_check_finite(path, &array));
  if (count != cloud->n)
    return wg_fail(WG_ERR_INPUT,
                   "%s holds %" PRId64 " weights, but %s holds %" PRId64
                   " points; give one weight a point",
                   wg_io_name(path), count, wg_io_name(points_path), cloud->n);
  WG_TRY(wg_cli_check_weights(wg_io_name(path), count, array.data));
  cloud->weights = array.data;
  return WG_OK;
}

/* ---- both ---- */

int wg_distance_read(wg_mem *mem, const wg_distance_request *asked, wg_distance_cloud *x,
                     wg_distance_cloud *y) {
  keys members;
  WG_TRY(split_keys(mem, asked->key, &members));
  WG_TRY(read_points(mem, asked->x, X, &members, x));
  WG_TRY(read_points(mem, asked->y, Y, &members, y));
  if (x->d != y->d)
    return wg_fail(WG_ERR_INPUT,
                   "%s has shape %s and %s has shape %s; both clouds need the same number of "
                   "columns",
                   wg_io_name(asked->x), x->shape, wg_io_name(asked->y), y->shape);
  WG_TRY(read_weights(mem, asked->a, A, &members, asked->x, x));
  WG_TRY(read_weights(mem, asked->b, B, &members, asked->y, y));
  if (asked->key && !members.used)
    return wg_fail(WG_ERR_ARGUMENT, "--key '%s' is for .npz files and none is given; leave it out",
                   asked->key);
  return WG_OK;
}
