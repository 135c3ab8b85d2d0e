/* Potentials by fragments, for general masses: there a pivot moves thousands of nodes.
 *
 * At renumbering the whole tree is one fragment. Later a fragment is a component of the renumbered
 * tree minus the arcs cut since; the potential of a node is its own number plus its fragment's
 * offset. Cutting an old arc splits one fragment: its lower part lies in one interval of the node
 * numbers (an old subtree), so relabelling is a sweep over that interval, or over the rest if that
 * is shorter. New arcs join fragments into a tree of fragments, of which the moved part gets a new
 * offset: a few hundred numbers instead of the nodes. An arc of the basis is old exactly when both
 * ends have the same fragment. When there are too many fragments the tree is renumbered.
 * Cost of a pivot: one sweep (vector code, 4 bytes a node) plus the fragments moved.
 */
#include <math.h>

#include "ot/engine.h"

int wg_fragments_create(wg_mem *mem, wg_tree *tree) {
  wg_fragments *f = &tree->fragments;
  f->most = 16 + (int32_t)(4.0 * sqrt((double)tree->count));
  f->of = WG_NEW(mem, int32_t, tree->count);
  f->end = WG_NEW(mem, int32_t, tree->count);
  f->offset = WG_NEW(mem, double, f->most);
  f->links = WG_NEW(mem, wg_fragment, f->most);
  return f->of && f->end && f->offset && f->links ? WG_OK : wg_no_memory();
}

void wg_fragments_reset(wg_tree *tree) {
  wg_fragments *f = &tree->fragments;
  for (int32_t i = 0; i < tree->count; i++) {
    f->of[i] = 0;
    f->end[i] = i + tree->nodes[i].size;
  }
  f->count = 1;
  f->offset[0] = 0.0;
  f->links[0] = (wg_fragment){-1, -1, -1, -1, 0};
}

bool wg_fragments_full(const wg_tree *tree) {
  return tree->fragments.of && tree->fragments.count + 1 >= tree->fragments.most;
}

static void link_fragment(wg_fragments *f, int32_t child, int32_t parent) {
  wg_fragment *links = f->links;
  links[child].parent = parent;
  links[child].previous = -1;
  links[child].next = links[parent].child;
  if (links[child].next >= 0) links[links[child].next].previous = child;
  links[parent].child = child;
}

static void unlink_fragment(wg_fragments *f, int32_t child) {
  wg_fragment *links = f->links, *self = &links[child];
  if (self->previous >= 0)
    links[self->previous].next = self->next;
  else
    links[self->parent].child = self->next;
  if (self->next >= 0) links[self->next].previous = self->previous;
}

WG_MULTIVERSION
static void relabel(int32_t *of, int64_t begin, int64_t end, int32_t from, int32_t to) {
  for (int64_t i = begin; i < end; i++) of[i] = of[i] == from ? to : of[i];
}

/* Splits the fragment of the old arc above `node`; the part away from the root becomes, or leaves
 * behind, a new fragment. Returns the fragment that holds `node`. */
static int32_t split(wg_tree *tree, int32_t node) {
  wg_fragments *f = &tree->fragments;
  const int32_t parent = tree->nodes[node].parent, whole = f->of[node], fresh = f->count++;
  /* Of the two ends, the one renumbered later was the child. */
  const int32_t child = WG_MAX(node, parent);
  const int64_t begin = child, end = f->end[child], count = tree->count;
  const bool inside = 2 * (end - begin) <= count; /* relabel the old subtree, or the rest */
  if (inside) {
    relabel(f->of, begin, end, whole, fresh);
  } else {
    relabel(f->of, 0, begin, whole, fresh);
    relabel(f->of, end, count, whole, fresh);
  }
  f->offset[fresh] = f->offset[whole];
  /* The upper part keeps its top and its parent, under whichever label it now has; the lower part
   * gets its top when the path is turned. */
  const int32_t upper = f->of[parent], lower = f->of[node], top = f->links[whole].top;
  f->links[fresh] = (wg_fragment){-1, -1, -1, -1, 0};
  if (upper == fresh) {
    const int32_t above = f->links[whole].parent;
    if (above >= 0) {
      unlink_fragment(f, whole);
      link_fragment(f, fresh, above);
    }
  }
  f->links[upper].top = top;
  for (int32_t child_fragment = f->links[whole].child, next; child_fragment >= 0;
       child_fragment = next) {
    next = f->links[child_fragment].next;
    const int32_t holder = f->of[tree->nodes[f->links[child_fragment].top].parent];
    if (holder == whole) continue;
    unlink_fragment(f, child_fragment);
    link_fragment(f, child_fragment, fresh);
  }
  link_fragment(f, lower, upper);
  return lower;
}

/* Before the tree changes: splits at the leaving arc if it is old, and turns the fragments on the
 * path from `below` up to it upside down, to hang from the fragment of `above`. */
void wg_fragments_cut(wg_tree *tree, const wg_cycle *loop) {
  wg_fragments *f = &tree->fragments;
  const wg_tree_node *nodes = tree->nodes;
  const int32_t leaving = loop->leaving;
  if (f->of[leaving] == f->of[nodes[leaving].parent]) split(tree, leaving);
  int32_t hang_from = f->of[loop->above], current = -1;
  for (int32_t node = loop->below;; node = nodes[node].parent) {
    if (f->of[node] != current) {
      current = f->of[node];
      unlink_fragment(f, current);
      link_fragment(f, current, hang_from);
      f->links[current].top = node;
      hang_from = current;
    }
    if (node == leaving) return;
  }
}

static int32_t next_fragment(const wg_fragment *links, int32_t at, int32_t top,
                             bool skip_children) {
  if (!skip_children && links[at].child >= 0) return links[at].child;
  while (at != top && links[at].next < 0) at = links[at].parent;
  return at == top ? -1 : links[at].next;
}

void wg_fragments_shift(wg_tree *tree, const wg_cycle *loop, double shift) {
  wg_fragments *f = &tree->fragments;
  const int32_t moved = f->of[loop->below];
  if (2 * (int64_t)tree->nodes[loop->below].size <= tree->count) {
    for (int32_t at = moved; at >= 0; at = next_fragment(f->links, at, moved, false))
      f->offset[at] += shift;
    return;
  }
  const int32_t root = f->of[tree->root];
  for (int32_t at = root; at >= 0; at = next_fragment(f->links, at, root, at == moved))
    if (at != moved) f->offset[at] -= shift;
}
