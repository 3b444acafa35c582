// Package iceserver knows the STUN and TURN servers that Porthole and its clients
// use: what their URLs mean, which of them are alive, and what credentials a
// client gets.
//
//	--stun, --turn ──► Parse ──► Server ──► Prober ──► Mapped   our addresses beyond NATs, for answers
//	                                          │  └───► Ranked   live servers, best first, for clients
//	                                          └──────► Status   for the API and for metrics
//
// A [Prober] asks in the background, each server by a goroutine of its own;
// whoever wants to know takes what was found last and never waits. Nothing here
// knows the media socket or HTTP: how a server is asked over UDP comes from
// outside, because only an answer to the media socket tells its address.
package iceserver
