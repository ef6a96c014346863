# bash completion for crontab(1)
_mailcron_crontab() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $before in
    -u | --user) mapfile -t COMPREPLY < <(compgen -u -- "$word"); return ;;
    --backups | --restore) mapfile -t COMPREPLY < <(compgen -W '1 2 3 4 5 6 7 8 9 10' -- "$word"); return ;;
  esac
  case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W '-e -i -l -n -r -T -u -h -V --backups --restore --user --config --help --version' -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}
complete -o filenames -F _mailcron_crontab crontab
