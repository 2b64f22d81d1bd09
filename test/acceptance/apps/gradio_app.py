"""A small real Gradio app: a text, an answer that comes through its queue, and state that a heartbeat keeps."""

import os

import gradio


def greet(name, count):
    return f"Hello, {name}, time {count + 1} from process {os.getpid()}.", count + 1


with gradio.Blocks() as app:
    name = gradio.Textbox(label="name")
    answer = gradio.Textbox(label="output")
    count = gradio.State(0, time_to_live=3600)
    gradio.Button("Submit").click(greet, [name, count], [answer, count])

app.launch()
