"""A small real Streamlit app: a widget, session state, an upload."""

import os

import streamlit as st

st.title("Widget bench")
st.write(f"process {os.getpid()}")

name = st.text_input("Your name")
if name:
    st.write(f"Hello, {name}.")

st.session_state.setdefault("count", 0)
if st.button("Add one"):
    st.session_state.count += 1
st.write(f"count {st.session_state.count}")

upload = st.file_uploader("A file")
if upload is not None:
    st.write(f"{upload.name} has {len(upload.getvalue())} bytes")
