-- SPDX-License-Identifier: ISC
-- Plays a scene in Ardour: one plugin on a MIDI track "Gen", the tap behind it, and what the arguments say, in order.
--   ardour7-lua ardour_script.lua LIBRARY DIR COMMAND...        LIBRARY: path of ardour.lua
--     new=URI              a session with the plugin           open          the session that is there
--     tempo=BPM            of the whole song                   set=NAME=VALUE  a control, by its lv2:name
--     preset=URI           load it                             lane=NAME=SAMPLE:VALUE+SAMPLE:VALUE...  automation
--     locate=SAMPLE        stand there                         roll=SECONDS  from where it stands; then stop
--     turn=SECONDS=URI     roll so long, load a preset, roll on as long; then stop
--     change=SECONDS=NAME=VALUE   the same with a control      jump=SECONDS=SAMPLE   the same with a locate
--     keys                 a track "Keys" is wired into it     monitor=CHOICE  Auto, Input, Disk: what it hears
--     loop=SECONDS         the loop range, played; then stop   export=FROM-TO  samples, as fast as it goes
--     wait=SECONDS                                             list=FILE     what the tap saw since the last list
--     save                                                     value=NAME    of a control, as "VALUE name x"
-- Prints lines "PASS what", "FAIL what", "NOTE what".

local ard = dofile (arg[1])
local dir = arg[2]
local s, gen, proc, shm
local bpm, listed = 120, 0

local function find ()
	gen = s:route_by_name ("Gen")
	if gen:isnil () then ard.fatal ("track is gone") end
	proc = gen:nth_plugin (0)
	local tap = gen:nth_plugin (1)
	if proc:isnil () or tap:isnil () then ard.fatal ("plugin is gone") end
	shm = ard.tap_of (tap)
end

local act = {}

function act.new (uri)
	ard.start_engine (256)
	s = create_session (dir, "t1", ard.rate)
	if not s then ard.fatal ("no session") end
	gen = ard.new_track (s, "Gen")
	ard.add (gen, ard.new_plugin (s, uri), 0, uri)
	ard.add (gen, ard.new_tap (s), 1, "tap script")
	find ()
end

function act.open ()
	ard.start_engine (256)
	s = load_session (dir, "t1")
	if not s then ard.fatal ("session does not load") end
	find ()
	ard.pass (shm, 0.5)
end

function act.tempo (value) bpm = tonumber (value); ard.set_tempo (bpm) end

function act.set (what)
	local name, value = what:match ("(.*)=(.*)")
	ard.set_control (proc, name, tonumber (value))
	ard.pass (shm, 0.1)
end

function act.preset (uri)
	local plug = ard.plugin_of (proc)
	local r = plug:preset_by_uri (uri)
	ard.check (r and plug:load_preset (r), "preset " .. uri .. " loads")
	ard.pass (shm, 0.7)
end

function act.lane (what)
	local name, points = what:match ("(.*)=(.*)")
	local port, nth = ard.find_control (ard.plugin_of (proc), name)
	if not port then ard.fatal ("no control '" .. name .. "'") end
	local _, cl = ARDOUR.LuaAPI.plugin_automation (proc, nth)
	for at, value in points:gmatch ("([%d.]+):([%d.-]+)") do
		cl:add (Temporal.timepos_t (math.floor (tonumber (at))), tonumber (value), false, true)
	end
	ard.control_of (proc, port):set_automation_state (ARDOUR.AutoState.Play)
end

function act.locate (sample) ard.locate (s, math.floor (tonumber (sample)), "MustStop"); ard.pass (shm, 0.7) end

function act.roll (seconds)
	s:request_roll (ard.ui)
	ard.pass (shm, tonumber (seconds))
	ard.stop (s, shm)
end

-- Roll, do something in the middle, roll on.
local function amid (what, something)
	local seconds, rest = what:match ("([%d.]+)=(.*)")
	s:request_roll (ard.ui)
	ard.pass (shm, tonumber (seconds))
	something (rest)
	ard.pass (shm, tonumber (seconds))
	ard.stop (s, shm)
end

function act.turn (what) amid (what, act.preset) end
function act.change (what) amid (what, act.set) end
function act.jump (what)
	amid (what, function (sample) ard.locate (s, math.floor (tonumber (sample)), "MustRoll") end)
end

function act.keys ()
	local keys = ard.new_track (s, "Keys")
	ard.check (keys:output ():midi (0):connect (gen:input ():midi (0):name ()) == 0, "Keys is wired to the plugin's track")
end

function act.monitor (choice)
	gen:to_track ():monitoring_control ():set_value (ARDOUR.MonitorChoice["Monitor" .. choice], ard.group)
	ard.pass (shm, 0.1)
end

function act.loop (seconds)
	local loop = s:locations ():auto_loop_location ()
	if not loop then ard.fatal ("no loop in the session") end
	s:request_play_loop (true, false)
	ard.pass (shm, 0.1)
	s:request_roll (ard.ui)
	ard.pass (shm, tonumber (seconds))
	ard.check (s:get_play_loop (), "transport loops")
	ard.stop (s, shm)
	s:request_play_loop (false, false)
	ard.pass (shm, 0.3)
end

function act.export (range)
	local from, to = range:match ("(%d+)-(%d+)")
	local e = s:simple_export ()
	e:set_name ("export")
	e:set_folder (dir)
	e:set_range (tonumber (from), tonumber (to))
	ard.check (e:run_export (), "export (freewheeling) ran")
	ard.pass (shm, 0.5)
end

function act.wait (seconds) ard.pass (shm, tonumber (seconds)) end

function act.list (path)
	local evs = ard.events (shm, listed)
	listed = ard.seen (shm)
	ard.write_list (path, evs, bpm)
end

function act.save () ard.check (s:save_state ("", false, false, false, false, false) == 0, "session saved") end

function act.value (name)
	local port = ard.find_control (ard.plugin_of (proc), name)
	ard.say ("VALUE", name .. " " .. (port and ard.control_of (proc, port):get_value () or "none"))
end

for i = 3, #arg do
	local name, value = arg[i]:match ("^(%l+)=?(.*)$")
	if not act[name] then ard.fatal ("no command " .. arg[i]) end
	act[name] (value)
end
ard.note ("xruns " .. s:get_xrun_count ())
close_session ()
ard.check (true, "session closed")
