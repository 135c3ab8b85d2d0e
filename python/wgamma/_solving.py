"""What every solve shares: settings, progress, and Ctrl-C."""
import contextlib
import ctypes
import signal
import sys
import threading

from . import _library as lib


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a solve. `result` holds the interval that was certified until then."""

    def __init__(self, result=None):
        super().__init__('the solve was interrupted')
        self.result = result


class _Line:
    """Progress on one line of standard error."""

    def show(self, report):
        left = '' if report.seconds_left != report.seconds_left else f', {report.seconds_left:.0f} s left'
        gap = ''
        if report.upper > 0 and report.upper < float('inf'):
            gap = f', gap {(report.upper - max(report.lower, 0)) / report.upper:.1e}'
        phase = (report.phase or b'').decode(errors='replace')
        print(f'\r{phase}: {report.seconds:.1f} s{gap}{left}   ', end='', file=sys.stderr, flush=True)

    def close(self):
        print(file=sys.stderr)


class _Bar:
    """The same through tqdm."""

    def __init__(self, tqdm):
        self.bar = tqdm(bar_format='{desc} [{elapsed}]{postfix}', leave=False)

    def show(self, report):
        self.bar.set_description_str((report.phase or b'').decode(errors='replace'))
        if 0 < report.upper < float('inf'):
            self.bar.set_postfix_str(f'gap {(report.upper - max(report.lower, 0)) / report.upper:.1e}')

    def close(self):
        self.bar.close()


def _display():
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Line()
    return _Bar(tqdm)


class Run:
    """Settings of one solve, kept alive with their callback. Use as a context manager."""

    def __init__(self, tol, time_limit=None, max_calls=None, memory_limit=0, threads=0, seed=None,
                 progress=False):
        self.settings = lib.Settings()
        lib.LIBRARY.wg_settings_init(ctypes.byref(self.settings))
        self.settings.tol = tol
        self.settings.threads = threads
        self.settings.memory_limit = memory_limit
        if time_limit is not None:
            self.settings.time_limit = time_limit
        if max_calls is not None:
            self.settings.max_calls = max_calls
        if seed is not None:
            self.settings.seed = seed
        self.interrupted, self.failure, self.display = False, None, None
        self.progress = progress
        self.callback = lib.ProgressCallback(self._report)
        self.settings.progress = ctypes.cast(self.callback, ctypes.c_void_p).value

    def _report(self, report, _):
        """Python code that runs during a solve: here a Ctrl-C is noted (see _note)."""
        try:
            if callable(self.progress):
                if self.progress(report.contents.as_dict()):
                    return 1
            elif self.progress:
                self.display = self.display or _display()
                self.display.show(report.contents)
        except BaseException as failure:  # nothing may pass through the library
            self.failure = failure
        return 1 if self.failure or self.interrupted else 0

    def _note(self, *_):
        self.interrupted = True

    @contextlib.contextmanager
    def listening(self):
        """While the library works, Ctrl-C is noted instead of raised in the middle of it."""
        usual = signal.default_int_handler
        mine = (threading.current_thread() is threading.main_thread()
                and signal.getsignal(signal.SIGINT) is usual)
        if mine:
            signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            if mine:
                signal.signal(signal.SIGINT, usual)

    def call(self, name, *arguments):
        """`_library.call`, interruptible."""
        with self.listening():
            return lib.call(name, *arguments)

    def address(self):
        return ctypes.byref(self.settings)

    def finish(self, result):
        """After the solve: closes the display, raises what happened in the callback."""
        if self.display:
            self.display.close()
            self.display = None
        if self.failure:
            failure, self.failure = self.failure, None
            raise failure
        if self.interrupted:
            self.interrupted = False
            raise Interrupted(result)
        return result
