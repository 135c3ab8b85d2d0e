/* Kernels for rows of one or two vectors, with the width known to the compiler: all sums stay in
 * registers, and the row is read once for its Gram matrix and its largest entry, or for its image
 * and their product. Work hides behind the reading of the rows; done one after the other on blocks
 * in cache, as wider rows are, the same steps leave the memory idle most of the time.
 *
 * The file that includes kernels_body.h sets WG_NARROW to two vectors, and defines for its
 * instruction set
 *   vec load_some(const double *from, int lanes)         the other lanes are zero
 *   void store_some(double *to, int lanes, vec value)
 *   vec larger_bits(vec largest, vec value)              largest or |value|, as integers, by lane
 *   void stream_vector(double *to, vec value)            past the caches; `to` is aligned
 *   void stream_end(void)                                what was streamed is seen by all threads
 */

/* clang-format off */
#if WG_NARROW == 8
#define EVERY_WIDTH(_) _(1) _(2) _(3) _(4) _(5) _(6) _(7) _(8)
#else
#define EVERY_WIDTH(_) \
  _(1) _(2) _(3) _(4) _(5) _(6) _(7) _(8) _(9) _(10) _(11) _(12) _(13) _(14) _(15) _(16)
#endif
/* clang-format on */

/* Asks for what comes a page later; the processor's own foresight ends with the page. */
static inline void look_ahead(const double *row) {
  const uintptr_t page = (uintptr_t)row + 4096; /* beyond the array, maybe: no pointer of it */
  __builtin_prefetch((const void *)page);       /* NOLINT(performance-no-int-to-ptr) */
}

static inline __attribute__((always_inline)) int lanes_of(int width, int v) {
  int left = width - v * WG_VECTOR;
  return left < WG_VECTOR ? left : WG_VECTOR;
}

static inline __attribute__((always_inline)) vec load_piece(const double *row, int width, int v) {
  int lanes = lanes_of(width, v);
  if (lanes == WG_VECTOR) return *(const vec *)(row + v * WG_VECTOR);
  return load_some(row + v * WG_VECTOR, lanes);
}

static inline __attribute__((always_inline)) void store_piece(double *row, int width, int v,
                                                              vec value) {
  int lanes = lanes_of(width, v);
  if (lanes == WG_VECTOR)
    *(vec *)(row + v * WG_VECTOR) = value;
  else
    store_some(row + v * WG_VECTOR, lanes, value);
}

/* Vectors that are indexed live in memory: results are laid down once, after the loop. */
static inline uint64_t largest_lane(vec first, vec second, uint64_t largest) {
  uint64_t lanes[2 * WG_VECTOR];
  memcpy(lanes, &first, sizeof first);
  memcpy(lanes + WG_VECTOR, &second, sizeof second);
  for (int l = 0; l < 2 * WG_VECTOR; l++) largest = WG_MAX(largest, lanes[l]);
  return largest;
}

static inline double sum_of_lanes(vec terms) {
  double lanes[WG_VECTOR], sum = 0.0;
  memcpy(lanes, &terms, sizeof terms);
  for (int l = 0; l < WG_VECTOR; l++) sum += lanes[l];
  return sum;
}

/* ---- Gram ---- */

/* Row k of the upper triangle begins in vector k / WG_VECTOR. */
static inline __attribute__((always_inline)) uint64_t gram_of_width(int width, int64_t rows,
                                                                    const double *block,
                                                                    double *gram_out,
                                                                    int64_t stride,
                                                                    uint64_t largest) {
  const int vectors = (width + WG_VECTOR - 1) / WG_VECTOR;
  vec sum[WG_NARROW][2], most = {0}, most_beyond = {0};
#pragma GCC unroll 16
  for (int k = 0; k < width; k++) sum[k][0] = sum[k][1] = (vec){0};
  for (int64_t i = 0; i < rows; i++) {
    const double *row = block + i * width;
    vec piece[2] = {load_piece(row, width, 0), {0}};
    look_ahead(row);
    most = larger_bits(most, piece[0]);
    if (vectors == 2) {
      piece[1] = load_piece(row, width, 1);
      most_beyond = larger_bits(most_beyond, piece[1]);
    }
#pragma GCC unroll 16
    for (int k = 0; k < width; k++)
#pragma GCC unroll 2
      for (int v = k / WG_VECTOR; v < vectors; v++) sum[k][v] += row[k] * piece[v];
  }
#pragma GCC unroll 16
  for (int k = 0; k < width; k++)
#pragma GCC unroll 2
    for (int v = k / WG_VECTOR; v < vectors; v++)
      *(vec *)(gram_out + k * stride + v * WG_VECTOR) += sum[k][v];
  return largest_lane(most, most_beyond, largest);
}

static uint64_t narrow_gram(int64_t rows, int64_t width, const double *block, double *gram_out,
                            int64_t stride, uint64_t largest) {
  switch (width) {
#define GRAM_CASE(w) \
  case w: return gram_of_width(w, rows, block, gram_out, stride, largest);
    EVERY_WIDTH(GRAM_CASE)
#undef GRAM_CASE
    default: return largest; /* wider rows are not brought here */
  }
}

/* ---- multiply ---- */

/* image[v] = row of the product; the matrix is read from the first cache. */
static inline __attribute__((always_inline)) void image_of(int width, int vectors,
                                                           const double *row, const double *matrix,
                                                           int64_t stride, vec image[2]) {
  vec odd[2] = {{0}, {0}};
  image[0] = image[1] = (vec){0};
#pragma GCC unroll 16
  for (int k = 0; k < width; k++)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; v++) {
      vec term = row[k] * *(const vec *)(matrix + k * stride + v * WG_VECTOR);
      if (k % 2)
        odd[v] += term;
      else
        image[v] += term;
    }
  for (int v = 0; v < vectors; v++) image[v] += odd[v];
}

static inline __attribute__((always_inline)) double multiply_width(int width, int64_t rows,
                                                                   const double *block,
                                                                   const double *weights,
                                                                   const double *matrix,
                                                                   int64_t stride, double *out) {
  const int vectors = (width + WG_VECTOR - 1) / WG_VECTOR;
  vec product = {0};
  for (int64_t i = 0; i < rows; i++) {
    const double *row = block + i * width;
    vec image[2], both;
    look_ahead(row);
    image_of(width, vectors, row, matrix, stride, image);
    both = load_piece(row, width, 0) * image[0];
    if (vectors == 2) both += load_piece(row, width, 1) * image[1];
    if (weights) both *= weights[i];
    product += both;
    for (int v = 0; v < vectors; v++) store_piece(out + i * width, width, v, image[v]);
  }
  return sum_of_lanes(product);
}

static double narrow_multiply(int64_t rows, int64_t width, const double *block,
                              const double *weights, const double *matrix, int64_t stride,
                              double *out) {
  switch (width) {
#define MULTIPLY_CASE(w) \
  case w: return multiply_width(w, rows, block, weights, matrix, stride, out);
    EVERY_WIDTH(MULTIPLY_CASE)
#undef MULTIPLY_CASE
    default: return 0.0;
  }
}

/* ---- stream ---- */

static void stream(void *to, const void *from, size_t bytes) {
  const size_t line = WG_VECTOR * sizeof(double);
  char *target = to;
  const char *source = from;
  size_t head = WG_MIN(bytes, (size_t)(-(uintptr_t)target % line));
  memcpy(target, source, head);
  size_t at = head;
  for (; at + line <= bytes; at += line) {
    vec value;
    memcpy(&value, source + at, line);
    stream_vector((double *)(void *)(target + at), value);
  }
  memcpy(target + at, source + at, bytes - at);
}
