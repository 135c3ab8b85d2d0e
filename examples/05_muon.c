/* A small network on two spirals, trained by the exact polar factor (p = infinity), by Muon's five
 * quintic steps, by AdamW and by SGD; prints the four losses as CSV.
 *
 * One optimiser does all of it: parameters are named tensors, and its table says who is moved by
 * what. Here the two weight matrices are moved along polar factors; biases and the last layer, a
 * vector, by AdamW. For the other two curves every parameter asks for its rule. Each rate is the
 * best of some that were tried, a factor of two apart, and goes down to zero along a line. On a
 * network of this size the first three end close to each other: what is shown is how.
 *
 *     cc 05_muon.c $(pkg-config --cflags --libs wgamma) -lm -o 05_muon
 *     ./05_muon > losses.csv
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wgamma.h>

enum { POINTS = 240, WIDTH = 32, STEPS = 400, EVERY = 20, PARAMETERS = 6 };

/* Layers 2 -> WIDTH -> WIDTH -> 1 with tanh; every array is a parameter, and so is its gradient. */
typedef struct network {
  double in[WIDTH * 2], in_bias[WIDTH], mid[WIDTH * WIDTH], mid_bias[WIDTH], out[WIDTH],
      out_bias[1];
} network;

typedef struct data {
  double x[POINTS][2], sign[POINTS]; /* sign: which spiral, -1 or 1 */
} data;

/* Two spirals of one and a half turns, one the other turned by half a circle. */
static void make_spirals(data *to) {
  for (int i = 0; i < POINTS; i++) {
    const int pair = i / 2; /* one of either spiral */
    const double t = (2.0 * pair + 1.0) / POINTS, angle = 9.4 * t;
    const double side = i % 2 ? 1.0 : -1.0;
    to->x[i][0] = side * (0.2 + 2.0 * t) * cos(angle);
    to->x[i][1] = side * (0.2 + 2.0 * t) * sin(angle);
    to->sign[i] = side;
  }
}

/* The same start for all: numbers from -1 to 1 that look random, over the root of the inputs. */
static void start_network(network *net) {
  unsigned long long seed = 12345;
  double *arrays[] = {net->in, net->mid, net->out};
  const int counts[] = {WIDTH * 2, WIDTH * WIDTH, WIDTH}, inputs[] = {2, WIDTH, WIDTH};
  memset(net, 0, sizeof *net);
  for (int a = 0; a < 3; a++)
    for (int k = 0; k < counts[a]; k++) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      arrays[a][k] = ((double)(seed >> 40) / 8388608.0 - 1.0) / sqrt(inputs[a]);
    }
}

/* h = tanh(w x + b), for `outputs` rows of w. */
static void layer(int outputs, int inputs, const double *w, const double *b, const double *x,
                  double *h) {
  for (int i = 0; i < outputs; i++) {
    double sum = b[i];
    for (int j = 0; j < inputs; j++) sum += w[i * inputs + j] * x[j];
    h[i] = tanh(sum);
  }
}

/* Back through a layer: slope (outputs) is that of the loss in h and becomes that in the sums;
 * below (inputs), unless NULL, that in x. */
static void layer_back(int outputs, int inputs, const double *w, const double *x, const double *h,
                       double *slope, double *w_gradient, double *b_gradient, double *below) {
  for (int j = 0; below && j < inputs; j++) below[j] = 0.0;
  for (int i = 0; i < outputs; i++) {
    slope[i] *= 1.0 - h[i] * h[i];
    b_gradient[i] += slope[i];
    for (int j = 0; j < inputs; j++) {
      w_gradient[i * inputs + j] += slope[i] * x[j];
      if (below) below[j] += slope[i] * w[i * inputs + j];
    }
  }
}

/* The mean logistic loss, and its gradient. */
static double loss_and_gradient(const network *net, const data *on, network *gradient) {
  double total = 0.0;
  memset(gradient, 0, sizeof *gradient);
  for (int i = 0; i < POINTS; i++) {
    double first[WIDTH], second[WIDTH], slope[WIDTH], below[WIDTH], value = net->out_bias[0];
    layer(WIDTH, 2, net->in, net->in_bias, on->x[i], first);
    layer(WIDTH, WIDTH, net->mid, net->mid_bias, first, second);
    for (int k = 0; k < WIDTH; k++) value += net->out[k] * second[k];
    const double margin = on->sign[i] * value;
    total += margin > 0.0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin;
    const double push = -on->sign[i] / (1.0 + exp(margin)) / POINTS;
    gradient->out_bias[0] += push;
    for (int k = 0; k < WIDTH; k++) {
      gradient->out[k] += push * second[k];
      slope[k] = push * net->out[k];
    }
    layer_back(WIDTH, WIDTH, net->mid, first, second, slope, gradient->mid, gradient->mid_bias,
               below);
    layer_back(WIDTH, 2, net->in, on->x[i], first, below, gradient->in, gradient->in_bias, NULL);
  }
  return total / POINTS;
}

/* The parameters as the optimiser wants them: names, shapes, and the rule if there is one to ask
 * for. */
static void describe(wg_muon_parameter *all, int rule) {
  static const char *const names[] = {"in.weight", "in.bias",    "mid.weight",
                                      "mid.bias",  "out.weight", "out.bias"};
  static const int64_t shapes[PARAMETERS][2] = {{WIDTH, 2}, {WIDTH, 0}, {WIDTH, WIDTH},
                                                {WIDTH, 0}, {1, WIDTH}, {1, 0}};
  for (int k = 0; k < PARAMETERS; k++) {
    wg_muon_parameter_init(&all[k]);
    all[k].name = names[k];
    all[k].ndim = shapes[k][1] ? 2 : 1;
    memcpy(all[k].shape, shapes[k], sizeof shapes[k]);
    all[k].rule = rule;
  }
}

typedef struct method {
  const char *name;
  int rule, polar;            /* of all parameters; how polar factors are made */
  double rate, fallback_rate; /* of matrices; of all else                      */
} method;

static int train(const method *by, const data *on, double *losses) {
  network net, gradient;
  wg_muon_parameter parameters[PARAMETERS];
  wg_muon_settings settings;
  wg_muon *muon = NULL;
  void *const values[] = {net.in, net.in_bias, net.mid, net.mid_bias, net.out, net.out_bias};
  const void *const gradients[] = {gradient.in,       gradient.in_bias, gradient.mid,
                                   gradient.mid_bias, gradient.out,     gradient.out_bias};
  wg_muon_settings_init(&settings); /* always first: it fills in the defaults */
  settings.rate = by->rate;
  settings.fallback_rate = by->fallback_rate;
  settings.polar.method = by->polar;
  settings.polar.threads = 1;
  describe(parameters, by->rule);
  start_network(&net);
  int status = wg_muon_setup(&muon, PARAMETERS, parameters, &settings);
  for (int step = 0; status == WG_OK && step <= STEPS; step++) {
    const double loss = loss_and_gradient(&net, on, &gradient), left = 1.0 - (double)step / STEPS;
    if (step % EVERY == 0) losses[step / EVERY] = loss;
    if (step == STEPS) break;
    status = wg_muon_set_rates(muon, by->rate * left, by->fallback_rate * left);
    if (status == WG_OK) status = wg_muon_step(muon, values, gradients, NULL);
  }
  wg_muon_free(muon);
  return status;
}

int main(void) {
  static const method methods[] = {
      {"exact", WG_MUON_AUTO, WG_POLAR_EXACT, 0.1, 0.1},
      {"quintic", WG_MUON_AUTO, WG_POLAR_MUON, 0.1, 0.1},
      {"adamw", WG_MUON_ADAMW, WG_POLAR_EXACT, 1.0, 0.1},
      {"sgd", WG_MUON_SGD, WG_POLAR_EXACT, 1.0, 16.0},
  };
  static double losses[4][STEPS / EVERY + 1];
  data spirals;
  make_spirals(&spirals);
  for (int k = 0; k < 4; k++)
    if (train(&methods[k], &spirals, losses[k]) < 0) {
      fprintf(stderr, "wgamma: %s\n", wg_error_detail());
      return 1;
    }
  printf("step");
  for (int k = 0; k < 4; k++) printf(",%s", methods[k].name);
  for (int line = 0; line <= STEPS / EVERY; line++) {
    printf("\n%d", line * EVERY);
    for (int k = 0; k < 4; k++) printf(",%.6g", losses[k][line]);
  }
  printf("\n");
  return 0;
}
