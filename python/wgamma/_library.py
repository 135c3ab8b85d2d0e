"""The shared library: where it is, its structures and functions, its errors.

Structures are written down as their C declarations, in the order of include/wgamma.h; a test
compares them with the header. Functions are declared by letters, one an argument:
i int, l int64_t, d double, z size_t, s text, p pointer or array, F progress callback.
"""
import ctypes
import os
import pathlib
import sys

_C_TYPES = {'size_t': ctypes.c_size_t, 'int': ctypes.c_int, 'int64_t': ctypes.c_int64,
            'uint64_t': ctypes.c_uint64, 'double': ctypes.c_double, 'pointer': ctypes.c_void_p,
            'text': ctypes.c_char_p}


class Structure(ctypes.Structure):
    """A structure of the library that knows its own size."""

    def __init__(self, **values):
        super().__init__(**values)
        if hasattr(type(self), 'struct_size'):
            self.struct_size = ctypes.sizeof(self)

    def as_dict(self):
        """Its numbers by name, without the size."""
        return {name: getattr(self, name) for name, _ in self._fields_ if name != 'struct_size'}


def _structure(name, declarations):
    """A class from C-like declarations: 'int a, b; double c; char text[640]'."""
    fields = []
    for declaration in declarations.split(';'):
        words = declaration.split(None, 1)
        for field in (words[1].split(',') if words else ()):
            field, _, length = field.strip().rstrip(']').partition('[')
            kind = ctypes.c_char if words[0] == 'char' else _C_TYPES[words[0]]
            fields.append((field, kind * int(length) if length else kind))
    return type(name, (Structure,), {'_fields_': fields, '__slots__': ()})


Progress = _structure('Progress', 'text phase; double seconds, lower, upper, seconds_left; '
                                  'int64_t oracle_calls')
Settings = _structure('Settings', 'size_t struct_size; double tol, time_limit; int64_t max_calls, '
                                  'memory_limit; int threads; uint64_t seed; '
                                  'pointer progress, progress_data')
Info = _structure('Info', 'size_t struct_size; int outcome; double lower, upper, gap, w, seconds; '
                          'int64_t oracle_calls, pivots, peak_bytes, dropped_x, dropped_y, q_rank')
Plan = _structure('Plan', 'int64_t count; pointer row, col, mass')
StructureInfo = _structure('StructureInfo',
                           'size_t struct_size; int64_t q_rank, blocks; int is_map, is_map_back; '
                           'int64_t split_x, split_y; double split_mass_x, split_mass_y')
BlockStructure = _structure('BlockStructure',
                            'size_t struct_size; int64_t start, size; double value, share; '
                            'int active; int64_t rank, cut, above, tied')
Uniqueness = _structure('Uniqueness',
                        'size_t struct_size; int plan, q, potentials, point_gradients, '
                        'weight_gradients; double resolution, q_radius')
Points = _structure('Points', 'int64_t n; pointer points, weights')
Pair = _structure('Pair', 'size_t struct_size; int64_t i, j; int outcome; '
                          'double lower, upper, gap, w, seconds; int64_t oracle_calls')
PairwiseInfo = _structure('PairwiseInfo',
                          'size_t struct_size; int outcome, workers; int64_t pairs, oracle_calls, '
                          'pivots; double seconds; int64_t peak_bytes')
Certificate = _structure('Certificate',
                         'size_t struct_size; int64_t n, m, d, count; pointer x, a, y, b; '
                         'text gauge; pointer row, col, mass, q, f, g; double lower, upper, tol; '
                         'int64_t cuts; pointer cut_q, cut_f, cut_g, mass_low, f_low, g_low')
Verdict = _structure('Verdict', 'size_t struct_size; int valid; double lower, upper, lower_excess, '
                                'upper_excess; char finding[640]; double gap; int open')
RigorousVerdict = _structure('RigorousVerdict',
                             'size_t struct_size; int valid; double lower_lo, lower_hi, upper_lo, '
                             'upper_hi, lower_excess, upper_excess, seconds; int64_t bits; '
                             'char finding[320]; double gap; int open')
CertificateArray = _structure('CertificateArray',
                              'text name; int integers, ndim; int64_t shape[3]; pointer data')
GaussianInfo = _structure('GaussianInfo',
                          'size_t struct_size; int outcome; double lower, upper, gap, w, w2, '
                          'seconds; int64_t steps, peak_bytes, rank0, rank1, q_rank; '
                          'int closed_form, is_map')
BarycentreInfo = _structure('BarycentreInfo',
                            'size_t struct_size; int outcome; double lower, upper, gap, value, '
                            'seconds; int64_t steps, peak_bytes')
LmoSettings = _structure('LmoSettings', 'size_t struct_size; int threads; double rank_tol, tie_tol, '
                                        'accuracy; int passes, check')
LmoReport = _structure('LmoReport',
                       'size_t struct_size; double dual_norm, identity_error, norm_error; '
                       'int64_t rank; double condition; int passes; double estimate, seconds; '
                       'int64_t peak_bytes; double dual_error; int passed')
PolarSettings = _structure('PolarSettings',
                           'size_t struct_size; int threads, method, steps; double tol; '
                           'int degree; double lower; int gram; double rank_tol; int check')
PolarReport = _structure('PolarReport',
                         'size_t struct_size; int method, steps, gram, passes; int64_t rank; '
                         'double condition, estimate, sigma_min, sigma_max, orthogonality, '
                         'seconds; int64_t peak_bytes')
_C_TYPES['PolarSettings'] = PolarSettings
MuonParameter = _structure('MuonParameter',
                           'size_t struct_size; text name; int single, ndim; int64_t shape[8]; '
                           'int rule; text axes; int64_t row_blocks, column_blocks; '
                           'pointer row_sizes, column_sizes')
MuonSettings = _structure('MuonSettings',
                          'size_t struct_size; double rate, momentum; int nesterov; '
                          'double weight_decay; int scale; text gauge; int dual_norm; '
                          'PolarSettings polar; int fallback; text excluded; '
                          'double fallback_rate, fallback_decay, beta1, beta2, epsilon')
MuonRoute = _structure('MuonRoute',
                       'size_t struct_size; text name; int single, ndim; '
                       'int64_t shape[8], entries; int rule, reason; text pattern; '
                       'int64_t matrices, rows, columns, row_blocks, column_blocks')
MuonReport = _structure('MuonReport',
                        'size_t struct_size; int64_t step, directions; double estimate, '
                        'sigma_min, sigma_max, orthogonality, seconds; int64_t peak_bytes')
MomentsInfo = _structure('MomentsInfo',
                         'size_t struct_size; int outcome; int64_t samples, events; double time, '
                         'energy0, energy, spent, defect, seconds; int64_t steps, rejected, '
                         'evaluations, peak_bytes')
MomentsEvent = _structure('MomentsEvent', 'size_t struct_size; int kind; int64_t mode; double time')

GaussianBatchInfo = _structure('GaussianBatchInfo',
                               'size_t struct_size; int outcome; int64_t solved, certified; '
                               'double largest_gap, seconds; int64_t peak_bytes; int workers')
DynamicSettings = _structure('DynamicSettings',
                             'size_t struct_size; double tol, time_limit; int64_t steps, '
                             'max_iterations, memory_limit; int threads; pointer progress, '
                             'progress_data')
DynamicInfo = _structure('DynamicInfo',
                         'size_t struct_size; int outcome, converged; double primal, dual, lower, '
                         'upper, w, mass_residual, least_density, mass_error, continuity, seconds; '
                         'int64_t iterations, peak_bytes')
DynamicPath = _structure('DynamicPath', 'size_t struct_size; int64_t steps, cells, corners; '
                                        'pointer density, momentum, potential, q, moment')
SphereInfo = _structure('SphereInfo',
                        'size_t struct_size; int outcome; double lower, upper, gap, uw, uw2, '
                        'mass[2], carried[2], least_ratio, most_ratio, seconds; int64_t calls, '
                        'steps, peak_bytes')
Semicoupling = _structure('Semicoupling', 'size_t struct_size; int64_t count; pointer row, col, g0, '
                                          'g1, c, q, u, v, moment')
EnergySettings = _structure('EnergySettings',
                            'size_t struct_size; int threads, method; double accuracy')
FlowRecord = _structure('FlowRecord',
                        'double time, step, energy, lyapunov, slope2, rate, speed, fenchel_gap, '
                        'identity, identity_trapezoid, defect, pl_ratio, effective_time; '
                        'int64_t rank, evaluations, method, clipped')
FlowEvent = _structure('FlowEvent', 'double time, value; int64_t kind, mode')
FlowSettings = _structure('FlowSettings',
                          'size_t struct_size; int method; double step, tol, cutoff, inertia, cap; '
                          'int newton_steps; int64_t max_steps; double time_limit; '
                          'int64_t memory_limit; int threads; uint64_t seed; pointer reseed, '
                          'reseed_data, progress, progress_data, accepted, accepted_data')
FlowInfo = _structure('FlowInfo',
                      'size_t struct_size; int outcome, resolved; double time, energy, lyapunov, '
                      'slope2, start_energy, residual, most_cut, worst_gap, effective_time; '
                      'int64_t steps, evaluations, rejected, clipped, switches, rank_changes, '
                      'reversals, uphill; double seconds; int64_t peak_bytes')
SphereFlowInfo = _structure('SphereFlowInfo',
                            'size_t struct_size; int outcome; double time, energy; '
                            'int64_t steps; double seconds; int64_t peak_bytes')
ConvexityInfo = _structure('ConvexityInfo',
                           'size_t struct_size; double least, time, noise; int convex')
PoincareInfo = _structure('PoincareInfo',
                          'size_t struct_size; double lower, upper, q[2]; int64_t evaluations')
FlowLog = _structure('FlowLog', 'int64_t count, kept, event_count; pointer records, spectra, events')

#: Class of every structure of the header that is mirrored here.
STRUCTURES = {
    'wg_progress': Progress, 'wg_settings': Settings, 'wg_info': Info, 'wg_plan': Plan,
    'wg_structure': StructureInfo, 'wg_block_structure': BlockStructure,
    'wg_uniqueness': Uniqueness, 'wg_points': Points, 'wg_pair': Pair,
    'wg_pairwise_info': PairwiseInfo, 'wg_certificate': Certificate, 'wg_verdict': Verdict,
    'wg_rigorous_verdict': RigorousVerdict, 'wg_certificate_array': CertificateArray,
    'wg_gaussian_info': GaussianInfo,
    'wg_barycentre_info': BarycentreInfo,
    'wg_lmo_settings': LmoSettings, 'wg_lmo_report': LmoReport,
    'wg_polar_settings': PolarSettings, 'wg_polar_report': PolarReport,
    'wg_muon_parameter': MuonParameter, 'wg_muon_settings': MuonSettings,
    'wg_muon_route': MuonRoute, 'wg_muon_report': MuonReport,
    'wg_gaussian_batch_info': GaussianBatchInfo, 'wg_dynamic_settings': DynamicSettings,
    'wg_dynamic_info': DynamicInfo, 'wg_dynamic_path': DynamicPath,
    'wg_moments_info': MomentsInfo, 'wg_moments_event': MomentsEvent, 'wg_sphere_info': SphereInfo,
    'wg_semicoupling': Semicoupling, 'wg_energy_settings': EnergySettings,
    'wg_flow_record': FlowRecord, 'wg_flow_event': FlowEvent, 'wg_flow_settings': FlowSettings,
    'wg_sphere_flow_info': SphereFlowInfo, 'wg_convexity_info': ConvexityInfo,
    'wg_poincare_info': PoincareInfo, 'wg_flow_info': FlowInfo, 'wg_flow_log': FlowLog,
}

ProgressCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Progress), ctypes.c_void_p)
EnergyCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
                                  ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
                                  ctypes.c_void_p)
PairCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Pair), ctypes.c_void_p)

#: Arguments of the functions that return a status.
FUNCTIONS = {
    'wg_setup': 'plllppppsp', 'wg_solve': 'pp', 'wg_set_gauge': 'ps', 'wg_set_points': 'ppp',
    'wg_set_tol': 'pd', 'wg_get_plan': 'pp', 'wg_get_q': 'pp', 'wg_get_moment': 'pp',
    'wg_get_potentials': 'ppp', 'wg_geodesic': 'pdpp', 'wg_get_spectra': 'pppp',
    'wg_project': 'plpp', 'wg_get_structure': 'pp', 'wg_get_block': 'plp',
    'wg_get_uniqueness': 'pp', 'wg_get_gradients': 'pppppp', 'wg_pairwise': 'llpspppPp',
    'wg_get_certificate': 'pp', 'wg_verify': 'pip', 'wg_verify_rigorous': 'pip',
    'wg_certificate_create': 'psslp', 'wg_certificate_of_clouds': 'pp',
    'wg_certificate_read': 'ps', 'wg_certificate_parse': 'ppzs', 'wg_certificate_write': 'ps',
    'wg_certificate_get_size': 'plpp', 'wg_certificate_get_array': 'plp',
    'wg_certificate_get_claim': 'pp',
    'wg_certificate_get_clouds': 'pp', 'wg_certificate_verify': 'pip',
    'wg_certificate_verify_rigorous': 'pip',
    'wg_gaussian': 'lppppspppppp', 'wg_gaussian_batch': 'llppppsppppp',
    'wg_dynamic': 'lppppsppp', 'wg_dynamic_get': 'pp', 'wg_gaussian_verify': 'lppppsppddp',
    'wg_gaussian_geodesic': 'lpppppdpp', 'wg_gaussian_fit': 'llpppp',
    'wg_gaussian_barycentre': 'llpppspppppppp',
    'wg_gaussian_barycentre_verify': 'llpppspppppddp',
    'wg_gauge_canonical': 'slpz', 'wg_gauge': 'slpppp', 'wg_gauge_check': 'slpdppp',
    'wg_spectrum': 'lpp',
    'wg_lmo': 'sllppppp', 'wg_lmo_f32': 'sllppppp', 'wg_lmo_check': 'sllppppp',
    'wg_lmo_check_f32': 'sllppppp', 'wg_polar': 'llpppp',
    'wg_polar_f32': 'llpppp', 'wg_polar_batch': 'lllpppp', 'wg_polar_batch_f32': 'lllpppp',
    'wg_muon_setup': 'plpp', 'wg_muon_step': 'pppp', 'wg_muon_set_rates': 'pdd',
    'wg_muon_get_route': 'plp', 'wg_muon_save': 'ppl', 'wg_muon_load': 'ppl',
    'wg_polar_polynomial': 'iddpp', 'wg_moments_kl': 'lppppslppp',
    'wg_moments_linear': 'llpppslppp', 'wg_moments_affine': 'lppppslppp',
    'wg_moments_modal': 'lpppslppp', 'wg_moments_get_info': 'pp',
    'wg_moments_get_curves': 'pppppp', 'wg_moments_get_gaussian': 'plpp',
    'wg_moments_get_modes': 'plppp', 'wg_moments_get_event': 'plp',
    'wg_sphere': 'lllppppsippp', 'wg_sphere_get': 'pp', 'wg_sphere_certificate': 'pp',
    'wg_sphere_verify': 'lllppppspddip', 'wg_dynamic_certificate': 'pp',
    'wg_dynamic_verify': 'lppppspddip',
    'wg_energy_potential': 'pslpp',
    'wg_energy_interaction': 'psp', 'wg_energy_mmd': 'psllppp', 'wg_energy_network': 'pslllppp',
    'wg_energy_attention': 'pllllppp', 'wg_energy_linear': 'pllpp', 'wg_energy_w2': 'psllppp',
    'wg_energy_callback': 'pldPp', 'wg_energy_sum': 'plpp', 'wg_energy_evaluate': 'pllpppp',
    'wg_energy_draw': 'plu',
    'wg_flow_setup': 'ppllppsp', 'wg_flow_run': 'pdp', 'wg_flow_get': 'ppppp',
    'wg_flow_get_log': 'pp', 'wg_flow_summary': 'ppz', 'wg_flow_save': 'ppzp',
    'wg_flow_load': 'ppz', 'wg_sphere_flow': 'pllppsddpp', 'wg_energy_along': 'pplp',
    'wg_energy_rounding': 'ppp', 'wg_convexity': 'lppp', 'wg_convexity_within': 'lpdpp',
    'wg_poincare': 'dsdp',
}
#: Functions that return something else, or nothing.
OTHERS = {
    'wg_version': ('', ctypes.c_char_p), 'wg_status_text': ('i', ctypes.c_char_p),
    'wg_outcome_text': ('i', ctypes.c_char_p), 'wg_error_detail': ('', ctypes.c_char_p),
    'wg_muon_parameter_init': ('p', None), 'wg_muon_settings_init': ('p', None),
    'wg_muon_state_bytes': ('p', ctypes.c_int64), 'wg_muon_free': ('p', None),
    'wg_settings_init': ('p', None), 'wg_lmo_settings_init': ('p', None),
    'wg_polar_settings_init': ('p', None), 'wg_free': ('p', None),
    'wg_dynamic_settings_init': ('p', None), 'wg_dynamic_free': ('p', None),
    'wg_moments_free': ('p', None), 'wg_sphere_free': ('p', None), 'wg_flow_free': ('p', None),
    'wg_energy_free': ('p', None), 'wg_energy_settings_init': ('p', None),
    'wg_flow_settings_init': ('p', None), 'wg_energy_dimension': ('p', ctypes.c_int64),
    'wg_energy_outputs': ('p', ctypes.c_int64),
    'wg_energy_name': ('p', ctypes.c_char_p),
    'wg_memory_estimate': ('lll', ctypes.c_int64), 'wg_certificate_free': ('p', None),
    'wg_certificate_kind': ('p', ctypes.c_char_p),
    'wg_certificate_gauge': ('p', ctypes.c_char_p),
    'wg_certificate_bytes': ('p', ctypes.c_int64),
}
#: Of the header, deliberately not bound.
UNBOUND = ('wg_distance',)  # wg_setup and wg_solve give more
_LETTERS = {'i': ctypes.c_int, 'l': ctypes.c_int64, 'd': ctypes.c_double, 'z': ctypes.c_size_t,
            'u': ctypes.c_uint64, 's': ctypes.c_char_p, 'p': ctypes.c_void_p,
            'P': ctypes.c_void_p}

OUTCOMES = ('certified', 'gap-open', 'call-limit', 'time-limit', 'stopped', 'local')


def _find():
    given = os.environ.get('WGAMMA_LIBRARY')
    if given:
        return given
    ending = {'darwin': 'dylib'}.get(sys.platform, 'so')
    here = pathlib.Path(__file__).resolve().parent
    for folder in (here, here.parents[1] / 'build'):
        path = folder / f'libwgamma.{ending}'
        if path.exists():
            return str(path)
    raise ImportError(f'libwgamma.{ending} is not in {here}: install the package with pip, or '
                      'set WGAMMA_LIBRARY to the library')


def _load():
    library = ctypes.CDLL(_find())
    for name, letters in FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = [_LETTERS[k] for k in letters], ctypes.c_int
    for name, (letters, result) in OTHERS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = [_LETTERS[k] for k in letters], result
    return library


LIBRARY = _load()
VERSION = LIBRARY.wg_version().decode()


class WgammaError(RuntimeError):
    """A failure inside the library: a defect, or a state that does not allow the call."""


_ERRORS = {-1: ValueError, -2: ValueError, -3: MemoryError, -4: MemoryError, -7: OSError}


def call(name, *arguments):
    """Calls a function that returns a status; returns it, or raises the library's sentence."""
    status = getattr(LIBRARY, name)(*arguments)
    if status < 0:
        raise _ERRORS.get(status, WgammaError)(LIBRARY.wg_error_detail().decode())
    return status
