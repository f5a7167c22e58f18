package main

import "golang.org/x/sys/unix"

const getTermios, setTermios, setTermiosAndFlush = unix.TIOCGETA, unix.TIOCSETA, unix.TIOCSETAF
