"""Three hosts on this machine, and on them what scripts/deploy puts there."""
