"""How everything looks: colours, fonts, sizes, ttk styles and the small pictures made of them.

Nothing here knows what is shown. To change a colour, see `palette`; to change a button, `styles`.
"""
