"""The Gradio app: layout and translation only."""

from videosketcher_app.ui.gradio_start import skip_type_stubs

skip_type_stubs()
