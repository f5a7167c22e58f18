package main

import "golang.org/x/sys/unix"

const getTermios, setTermios, setTermiosAndFlush = unix.TCGETS, unix.TCSETS, unix.TCSETSF
