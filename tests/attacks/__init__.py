"""Attacks: what a stranger on the open internet may cost, measured against real nodes.

- `catalogue` is the table of all attacks, `kinds` what each of them does
- `crowd` is what an attack is given: connections from one address or many, and a count of what
  became of them; it runs in a process of its own, `attackers`
- `innocents` are those who must not notice: bystanders who chat, and newcomers who come in
- `run` carries out one attack; `bounds` judges what was measured, and `report` prints it

``python -m tests.attacks`` runs it.
"""
