"""Small pictures for notebooks."""
import base64
import io


def picture(plot, panels=1):
    """What plot(axes) draws, as HTML; nothing where Matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return ''
    figure = Figure(figsize=(3 * panels, 3), layout='constrained')
    plot(figure.subplots(1, panels))
    stream = io.BytesIO()
    figure.savefig(stream, format='png', dpi=80)
    return f'<img src="data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}">'
