"""What is put on spans and log records without being asked: gathered here, added there, sent along as baggage."""
