-- SPDX-License-Identifier: ISC
-- What the Lua scripts of the host tests share: a session on Ardour's dummy backend, a plugin with the tap behind it,
-- and its MIDI as a list. Loaded by dofile; gives a table. Above: ardour_host.lua, ardour_script.lua. Below:
-- ardour_tap.lua, Ardour 7's Lua interface.

local M = { rate = 48000 }

M.ui    = ARDOUR.TransportRequestSource.TRS_UI
M.group = PBD.GroupControlDisposition.NoGroup
local midi1 = ARDOUR.ChanCount (ARDOUR.DataType ("midi"), 1)

io.stdout:setvbuf ("no")
function M.say (word, what) io.stdout:write (word, " ", what, "\n") end
function M.check (ok, what) M.say (ok and "PASS" or "FAIL", what); return ok end
function M.note (what) M.say ("NOTE", what) end
function M.fatal (what) M.say ("FAIL", what); error (what, 0) end

-- "None (Dummy)" is not listed by available_backends() but can be chosen.
function M.start_engine (bufsize)
	local b = AudioEngine:set_backend ("None (Dummy)", "host-test", "")
	if b:isnil () then M.fatal ("no dummy backend") end
	b:set_buffer_size (bufsize)
end

function M.new_track (s, name)
	local l = s:new_midi_track (midi1, midi1, true, ARDOUR.PluginInfo (), nil, nil, 1, name,
	                            0xffffffff, ARDOUR.TrackMode.Normal, false, false)
	return l:front ()
end

function M.new_plugin (s, uri) return ARDOUR.LuaAPI.new_plugin (s, uri, ARDOUR.PluginType.LV2, "") end
function M.new_tap (s) return ARDOUR.LuaAPI.new_luaproc (s, "Host Test Tap") end

-- Adding a nil processor crashes Ardour, so look before.
function M.add (route, proc, at, what)
	if proc:isnil () then M.fatal ("cannot load " .. what) end
	if route:add_processor_by_index (proc, at, nil, true) ~= 0 then
		M.fatal ("cannot add " .. what .. " to " .. route:name ())
	end
	return proc
end

function M.locate (s, at, how) s:request_locate (at, false, ARDOUR.LocateTransportDisposition[how], M.ui) end

-- Written down for the whole song: TEMPO[@BEAT] ...
function M.set_tempo (bpm, beat)
	local tm = Temporal.TempoMap.fetch_writable ()
	local at = Temporal.timepos_t (0)
	if beat then at = Temporal.timepos_t.from_ticks (Temporal.ticks_per_beat * beat) end
	tm:set_tempo (Temporal.Tempo (bpm, bpm, 4), at)
	Temporal.TempoMap.update (tm)
end

-- The plugin's control by its name (not the symbol: Ardour's Lua does not show symbols).
-- Returns the port index and the running number among the controls, outputs too: so LuaAPI.plugin_automation counts.
function M.find_control (plug, name)
	local nth = 0
	for i = 0, plug:parameter_count () - 1 do
		if plug:parameter_is_control (i) then
			if plug:parameter_is_input (i) and plug:parameter_label (i):lower () == name:lower () then return i, nth end
			nth = nth + 1
		end
	end
end

function M.control_of (proc, port)
	local par = Evoral.Parameter (ARDOUR.AutomationType.PluginAutomation, 0, port)
	return proc:to_automatable ():automation_control (par, false)
end

function M.plugin_of (proc) return proc:to_insert ():plugin (0) end
function M.set_control (proc, name, value)
	local port = M.find_control (M.plugin_of (proc), name)
	if not port then M.fatal ("no control '" .. name .. "'") end
	M.control_of (proc, port):set_value (value, M.group)
end

-- ---- what the tap saw ----

function M.tap_of (proc) return proc:to_insert ():plugin (0):to_luaproc ():shmem () end
function M.seen (shm) return shm:atomic_get_int (0) end

-- Wait until so many seconds of sound have passed: on a busy machine that is later than the clock says. `each` is called
-- meanwhile.
function M.pass (shm, seconds, each)
	local till = shm:atomic_get_int (1) + seconds * M.rate
	for _ = 1, 600 * seconds do
		if shm:atomic_get_int (1) >= till then return end
		sleep (0.02)
		if each then each () end
	end
	M.fatal ("Ardour's engine stands still")
end

function M.stop (s, shm) s:request_stop (false, false, M.ui); M.pass (shm, 0.7) end

-- Events from the one numbered `from` on (0: all).
function M.events (shm, from)
	local t, buf = {}, shm:to_int (6):array ()
	local cycle, passed, here = nil, 0, {}
	for i = from, M.seen (shm) - 1 do
		local o = i * 6
		-- A cycle in which Ardour 7.3 locates or a loop wraps is cut in two, and the tap is shown its events in both.
		if buf[o + 1] ~= cycle or buf[o + 5] - passed > 1024 then
			cycle, passed, here = buf[o + 1], buf[o + 5], {}
		end
		local id = buf[o + 2] .. " " .. buf[o + 3]
		if not here[id] then
			here[id] = true
			local w  = buf[o + 3]
			local st, d1, d2 = (w >> 16) & 0xff, (w >> 8) & 0x7f, w & 0x7f
			local kind = st & 0xf0
			t[#t + 1] = { at = buf[o + 1] + buf[o + 2], server = buf[o + 5] + buf[o + 2],
			              status = st, key = d1, vel = d2, on = kind == 0x90 and d2 > 0,
			              off = kind == 0x80 or (kind == 0x90 and d2 == 0), rolling = buf[o + 4] == 1 }
		end
	end
	return t
end

function M.count_on (evs)
	local n = 0
	for _, e in ipairs (evs) do if e.on then n = n + 1 end end
	return n
end

-- How many notes are left sounding.
function M.hanging (evs)
	local on, n = {}, 0
	for _, e in ipairs (evs) do
		local id = (e.status & 0x0f) * 128 + e.key
		if e.on then on[id] = true elseif e.off then on[id] = nil end
	end
	for _ in pairs (on) do n = n + 1 end
	return n
end

-- A rolling plugin is told places ahead of Ardour's own by the output's latency.
M.latency = 80

-- As jackdrive writes it: server frame, transport frame, quarters, R or -, tempo, bytes. For a constant tempo. Ardour's
-- first cycle, still in its pre-roll, does not count as rolling.
function M.write_list (path, evs, bpm)
	local f = io.open (path .. ".part", "w")
	if not f then M.fatal ("cannot write " .. path) end
	for _, e in ipairs (evs) do
		local at = e.at + (e.rolling and M.latency or 0)
		f:write (string.format ("%d %d %.6f %s %.3f %02x %02x %02x\n", e.server, at, at * bpm / 60 / M.rate,
		                        e.rolling and "R" or "-", bpm, e.status, e.key, e.vel))
	end
	f:close ()
	os.rename (path .. ".part", path)
end

return M
