import streamlit as st

st.title("Hello from a lab")
st.write("Hello,", st.text_input("your name", "lab"))
