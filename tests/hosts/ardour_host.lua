-- SPDX-License-Identifier: ISC
-- A plugin that emits MIDI, through a session's life in Ardour: on a track, before a synth, recorded by another track,
-- automated, located, saved; reopened and looped; and whether what was exported sounds.
--   ardour7-lua ardour_host.lua LIBRARY PHASE DIR URI CONTROL PRESET SYNTH      PHASE: make, again, wav; SYNTH "": the plugin itself sounds
-- Prints lines "PASS what", "FAIL what", "NOTE what". Above: test_ardour_generator.sh, test_ardour_instrument.sh. Below:
-- ardour.lua.

local ard = dofile (arg[1])
local phase, dir, uri, control, preset, synth = arg[2], arg[3], arg[4], arg[5], arg[6], arg[7]
local sr, bufsize = ard.rate, 256
local check, note, fatal = ard.check, ard.note, ard.fatal
local events, count_on, hanging = ard.events, ard.count_on, ard.hanging

-- Record 5 s of `gen` on `rec`; `port` moves meanwhile.
local function record (s, gen, rec, p, port, nth, shm)
	rec:rec_enable_control ():set_value (1, ard.group)
	s:maybe_enable_record (false)
	ard.pass (shm, 0.3)
	local quiet = events (shm, 0)
	local n0    = ard.seen (shm)
	local lo, hi = 1e9, -1e9
	s:request_roll (ard.ui)
	ard.pass (shm, 5, function ()
		local v = port and ard.control_of (p, port):get_value () or 0
		lo, hi = math.min (lo, v), math.max (hi, v)
	end)
	check (s:transport_rolling () and s:actively_recording (), "transport rolls and records")
	ard.stop (s, shm)
	check (not s:transport_rolling (), "transport stops")
	local played = events (shm, n0)
	note (string.format ("tap saw %d note-ons before the roll, %d in 5 s of it", count_on (quiet), count_on (played)))
	check (count_on (played) > 0, "plugin emits notes while the transport rolls")
	check (hanging (events (shm, 0)) == 0, "no note is left sounding after stop")
	local n1 = ard.seen (shm)
	ard.pass (shm, 1)
	note (string.format ("%d note-ons in 1 s of standing transport", count_on (events (shm, n1))))
	if port then
		local pd = select (3, ARDOUR.LuaAPI.plugin_automation (p, nth))
		check (hi - lo > 0.8 * (pd.upper - pd.lower),
		       string.format ("automation moves '%s' (%.3f .. %.3f)", control, lo, hi))
	end
	local notes, regions = 0, 0
	for r in rec:playlist ():region_list ():iter () do
		regions = regions + 1
		for n in ARDOUR.LuaAPI.note_list (r:to_midiregion ():model ()):iter () do
			notes = notes + 1
			if notes <= 40 then
				note (string.format ("recorded %s key %d velocity %d length %s", tostring (n:time ()), n:note (),
				                     n:velocity (), tostring (n:length ())))
			end
		end
	end
	check (notes > 0, string.format ("second track recorded the plugin's MIDI (%d regions, %d notes)", regions, notes))
	rec:rec_enable_control ():set_value (0, ard.group)
	s:disable_record (false, false)
	gen:output ():midi (0):disconnect (rec:input ():midi (0):name ())
end

-- Forwards and back while rolling.
local function locate_rolling (s, shm)
	local n2 = ard.seen (shm)
	ard.locate (s, 0, "MustStop"); ard.pass (shm, 0.5)
	s:request_roll (ard.ui); ard.pass (shm, 0.3)
	ard.locate (s, 30 * sr + 77, "MustRoll"); ard.pass (shm, 2)
	ard.locate (s, 10 * sr, "MustRoll"); ard.pass (shm, 2)
	ard.stop (s, shm)
	local early, far, back = 0, 0, 0
	for _, e in ipairs (events (shm, n2)) do
		if e.on then
			if e.at >= 30 * sr then far = far + 1 elseif e.at >= 10 * sr then back = back + 1 else early = early + 1 end
		end
	end
	check (far > 0 and back > 0, string.format ("emits after locating while rolling (%d, %d, %d)", early, far, back))
	check (hanging (events (shm, 0)) == 0, "no note is left sounding after locate and stop")
end

local function make ()
	ard.start_engine (bufsize)
	local s = create_session (dir, "t1", sr)
	if not s then fatal ("no session") end
	local gen, rec, both = ard.new_track (s, "Gen"), ard.new_track (s, "Rec"), ard.new_track (s, "Both")

	local p = ard.add (gen, ard.new_plugin (s, uri), 0, uri)
	check (true, "plugin is in a MIDI track")
	local tap = ard.add (gen, ard.new_tap (s), 1, "tap script")
	both:set_strict_io (false)
	local p2 = ard.add (both, ard.new_plugin (s, uri), 0, uri)
	if synth ~= "" then ard.add (both, ard.new_plugin (s, synth), 1, synth) end
	check (both:output ():n_ports ():n_audio () >= 1, "the track has audio outputs")
	check (gen:output ():midi (0):connect (rec:input ():midi (0):name ()) == 0, "MIDI out is wired to a second track")

	for _, q in ipairs { p, p2 } do
		local plug = q:to_insert ():plugin (0)
		if preset ~= "" then
			local r = plug:preset_by_uri (preset)
			check (r and plug:load_preset (r), "preset loads into " .. plug:name ())
			sleep (0.5)
		end
	end

	ard.set_tempo (120)
	ard.set_tempo (90, 8)

	local port, nth
	if control ~= "" then
		port, nth = ard.find_control (p:to_insert ():plugin (0), control)
		if check (port ~= nil, "control '" .. control .. "' found") then
			local _, cl, pd = ARDOUR.LuaAPI.plugin_automation (p, nth)
			cl:add (Temporal.timepos_t (0), pd.lower, false, true)
			cl:add (Temporal.timepos_t (4 * sr), pd.upper, false, true)
			ard.control_of (p, port):set_automation_state (ARDOUR.AutoState.Play)
		end
	end

	local shm = ard.tap_of (tap)
	record (s, gen, rec, p, port, nth, shm)
	locate_rolling (s, shm)
	note ("xruns " .. s:get_xrun_count ())
	check (s:save_state ("", false, false, false, false, false) == 0, "session saved")
	return s
end

local function again ()
	ard.start_engine (bufsize)
	local s = load_session (dir, "t1")
	if not s then fatal ("session does not load") end
	local gen = s:route_by_name ("Gen")
	if gen:isnil () then fatal ("track is gone") end
	local p, tap = gen:nth_plugin (0), gen:nth_plugin (1)
	if p:isnil () or tap:isnil () then fatal ("plugin is gone after reopening") end
	check (p:to_insert ():plugin (0):unique_id () == uri, "plugin is back after reopening")
	if control ~= "" then
		local port, nth = ard.find_control (p:to_insert ():plugin (0), control)
		if port then
			local al, cl = ARDOUR.LuaAPI.plugin_automation (p, nth)
			check (cl:size () == 2, "automation is back after reopening")
		end
	end
	local shm  = ard.tap_of (tap)
	local loop = s:locations ():auto_loop_location ()
	if not loop then fatal ("no loop in the session") end
	local a, b = loop:start ():samples (), loop:_end ():samples ()
	ard.locate (s, a, "MustStop"); ard.pass (shm, 0.5)
	local n0 = ard.seen (shm)
	s:request_play_loop (true, false)
	ard.pass (shm, 0.1)
	s:request_roll (ard.ui)
	local last, wraps, top = -1, 0, 0
	ard.pass (shm, 7, function ()
		local t = s:transport_sample ()
		if t < last then wraps = wraps + 1 end
		last, top = t, math.max (top, t)
	end)
	check (s:get_play_loop () and wraps >= 2, string.format ("transport loops (%d times)", wraps))
	check (top <= b + 2 * bufsize, "transport stays inside the loop")
	ard.stop (s, shm)
	s:request_play_loop (false, false)
	local evs, per, cur = events (shm, n0), {}, 0
	local prev = -1
	for _, e in ipairs (evs) do
		if e.on then
			if e.at < prev - sr // 100 then per[#per + 1] = cur; cur = 0 end
			prev, cur = e.at, cur + 1
		end
	end
	per[#per + 1] = cur
	note ("note-ons in each pass of the loop: " .. table.concat (per, " "))
	check (count_on (evs) > 0 and #per >= 2, "plugin keeps emitting in the loop")
	check (hanging (evs) == 0, "no note is left sounding after the loop")
	check (s:save_state ("", false, false, false, false, false) == 0, "session saved again")
	return s
end

-- Is the exported WAV silent?  (16 bit PCM, as ardour7-export writes it)
local function wav ()
	local f = io.open (dir, "rb")
	if not f then fatal ("no exported file") end
	local d = f:read ("a")
	f:close ()
	local at = d:find ("data", 1, true)
	local peak, n, first = 0, 0, nil
	for i = at + 8, #d - 3, 4 do
		local l = math.abs ((string.unpack ("<i2", d, i)))
		n = n + 1
		if l > peak then peak = l end
		if not first and l > 300 then first = n end
	end
	note (string.format ("export: %d frames, peak %.4f, first sound at frame %s", n, peak / 32768, tostring (first)))
	check (peak > 300, "exported audio is not silent")
end

if phase == "wav" then
	wav ()
else
	local s = phase == "make" and make () or again ()
	close_session ()
	check (true, "session closed (" .. phase .. ")")
end
