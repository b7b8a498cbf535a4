"""The outbox: the only writer of a mail's state. Every move is a guarded update that appends its event and its
increment of the ledger in the same transaction.
"""
