"""What scripts/crash tries hookreeve with: a server that can be killed, a target that plays, senders, and the judgement."""
