"""Arrays in and out: what users give becomes what the library takes, or a clear error."""
import ctypes

import numpy as np


def numbers(name, given, ndim=None, dtype=np.float64):
    """A C-contiguous native array of real numbers; copies only where it has to."""
    array = np.asarray(given)
    if array.dtype.kind not in 'fiub':
        raise TypeError(f'{name} holds {array.dtype}; real numbers are wanted')
    if array.dtype.itemsize > 8 and array.dtype.kind == 'f':
        array = array.astype(np.float64)
    array = np.ascontiguousarray(array, dtype=dtype)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f'{name} has shape {np.shape(given)}; {ndim} dimension'
                         f'{"s are" if ndim > 1 else " is"} wanted')
    return array


def points(name, given):
    """n x d rows; a vector is n points on a line."""
    array = numbers(name, given)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f'{name} has shape {array.shape}; points are rows of an n x d array')
    return array


def weights(name, given, count):
    """A vector of `count` numbers, or None."""
    if given is None:
        return None
    array = numbers(name, given, 1)
    if len(array) != count:
        raise ValueError(f'{name} holds {len(array)} weights for {count} points')
    return array


def real_matrix(name, given):
    """float32 stays float32, everything else becomes float64."""
    array = np.asarray(given)
    single = array.dtype.kind == 'f' and array.dtype.itemsize == 4
    return numbers(name, array, dtype=np.float32 if single else np.float64)


def square(name, given, d):
    """d x d; a number is 1 x 1."""
    array = numbers(name, given)
    if np.ndim(given) == 0 and d == 1:
        array = array.reshape(1, 1)
    if array.shape != (d, d):
        raise ValueError(f'{name} has shape {array.shape}; ({d}, {d}) is wanted')
    return array


def vector(name, given, d):
    """d numbers; a number is a vector of length 1."""
    array = np.atleast_1d(numbers(name, given))
    if array.shape != (d,):
        raise ValueError(f'{name} has shape {array.shape}; ({d},) is wanted')
    return array


def pointer(array):
    """The address of an array, or of nothing."""
    return None if array is None else array.ctypes.data


def view(address, count, kind=ctypes.c_double):
    """A copy of `count` numbers at an address."""
    if not count or not address:
        return np.zeros(0, dtype=np.dtype(kind))
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(kind)), (count,)).copy()
