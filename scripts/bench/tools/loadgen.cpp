// Load generator for RTMP, HTTP-FLV and WS-FLV (one thread, epoll).  g++ -O2 -std=c++17 loadgen.cpp -o loadgen
//  loadgen pub  HOST PORT APP NAME [kbps=1000] [fps=30] [gop=60] [secs=0] [streams=1] [speed=1]
//  loadgen play rtmp|flv|ws HOST PORT APP NAME PLAYERS [-ramp 500/s] [-settle 3] [-win 10] [-pid P] [-streams 1] [-core 0] [-split S]
// Every published message carries magic+len+seq+send time; the player checks length, order, and end-to-end delay.
// One JSON line on stdout at the end. Gaps are times without media: `gap_base` before S seconds of the window, `gap` after;
// `first` is the time from dialling to the first media; `own_lag` is how long this program itself was not there to read.
#include <sys/epoll.h>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <vector>
#include "publish.hpp"
using namespace std;
struct CS{u32 h=0,len=0,n=0;u8 type=0;bool ext=false;u32 ts=0,d=0;};
struct P{int fd=-1,st=0;u32 hsGot=0;u32 inCs=128;int ps=0;u8 hb[20];u32 hn=0,need=1;CS cs[16];CS*cur=nullptr;u32 chunkLeft=0;u8 pk[64];u32 pkn=0;string cmd;bool playing=false;u64 tPlay=0,lastSeq=0;bool haveSeq=false;u32 lastTs=0;bool haveTs=false;long tsOff=0;bool haveOff=false;
 u64 lastRx=0,maxGap=0,bytes=0,msgs=0,bad=0,lost=0,tsback=0,tsshift=0;u64 maxDelay=0;int idx=0;
 // ws frames, flv
 u64 tDial=0,tFirst=0,gapBase=0,gap=0;u8 wh[14];u32 whn=0;u64 wsLeft=0;bool wsSkip=false;
 string hdr;bool hdrDone=false,chunked=false;int ck=0;u64 ckLeft=0;string ckl;int fs=0;u8 fh[16];u32 fn=0;u32 tagLen=0,tagGot=0;u32 tagTs=0;u8 tagType=0;};
static vector<u64> hist;static bool inWin=false;static u64 winStart,splitAt;static const int HB=24*64;
static void addDelay(u64 ns){if(!inWin)return;double us=ns/1000.0+1;int b=(int)(log2(us)*48);if(b>=HB)b=HB-1;hist[b]++;}
static double pct(double q){u64 tot=0;for(auto x:hist)tot+=x;if(!tot)return -1;u64 acc=0;for(int i=0;i<HB;i++){acc+=hist[i];if(acc>=q*tot)return pow(2,(i+0.5)/48)/1000;}return -1;}
static u64 g_now;
static void onMedia(P&p,u8 type,u32 ts,u32 len,const u8*pk,u32 pkn){
 p.msgs++;u32 off;if((type==8||type==9)&&len>1&&pk[1]!=0&&!p.tFirst)p.tFirst=g_now;if(type==9){if(len<16||pk[1]==0)return;off=10;}else if(type==8){if(pk[1]==0)return;off=2;}else return;
 if(pkn<off+24){p.bad++;return;}Stamp s;memcpy(&s,pk+off,24);if(s.magic!=MAGIC||s.len!=len){p.bad++;return;}
 if(p.haveSeq){if(s.seq<=p.lastSeq)p.bad++;else if(inWin)p.lost+=s.seq-p.lastSeq-1;}p.haveSeq=true;p.lastSeq=max(p.lastSeq,s.seq);
 if(p.haveTs&&(int)(ts-p.lastTs)<0)p.tsback++;p.haveTs=true;p.lastTs=ts;
 if(s.t>p.tPlay){u64 d=g_now>s.t?g_now-s.t:0;addDelay(d);if(inWin){p.maxDelay=max(p.maxDelay,d);if(p.lastRx){u64 g=g_now-max(p.lastRx,winStart);p.maxGap=max(p.maxGap,g);u64&w=g_now<splitAt?p.gapBase:p.gap;w=max(w,g);}}p.lastRx=g_now;}}
static string g_app,g_name,g_host;static int g_port,g_streams=1;static string g_tc;static bool g_ws=false;
static void sendS(P&p,const string&b){ssize_t n=write(p.fd,b.data(),b.size());if(n!=(ssize_t)b.size())p.bad++;}
static string nameOf(P&p){return g_streams>1?g_name+to_string(p.idx%g_streams):g_name;}
static void onCmd(P&p,CS&c,const string&s){if(c.type==1&&s.size()>=4){p.inCs=((u8)s[0]<<24|(u8)s[1]<<16|(u8)s[2]<<8|(u8)s[3])&0x7fffffff;return;}
 if(c.type==20||c.type==17){if(p.st==2&&s.find("_result")!=string::npos){string m;aStr(m,"createStream");aNum(m,2);aNull(m);sendS(p,chunkMsg(3,20,0,0,m,128));p.st=3;}
  else if(p.st==3&&s.find("_result")!=string::npos){string m;aStr(m,"play");aNum(m,3);aNull(m);aStr(m,nameOf(p));aNum(m,-2000);sendS(p,chunkMsg(8,20,1,0,m,128));p.st=4;p.playing=true;p.tPlay=now_ns();}}}
static void rtmpIn(P&p,const u8*b,size_t n){size_t i=0;
 if(p.st==1){size_t k=min<size_t>(3073-p.hsGot,n);p.hsGot+=k;i+=k;if(p.hsGot==3073){string c2(1536,0);sendS(p,c2+chunkMsg(3,20,0,0,cmdConnect(g_app,g_tc),128));p.st=2;}}
 while(i<n){
  if(p.ps==0){// basic + message header
   while(i<n){if(p.hn<p.need){u32 k=min<u32>(p.need-p.hn,n-i);memcpy(p.hb+p.hn,b+i,k);p.hn+=k;i+=k;if(p.hn<p.need)break;}
    static const int hs[4]={11,7,3,0};u8 fmt=p.hb[0]>>6;int cid=p.hb[0]&63;int bl=cid==0?2:cid==1?3:1;u32 want=bl;if(p.hn<want){p.need=want;continue;}
    if(cid==0)cid=64+p.hb[1];else if(cid==1)cid=64+p.hb[1]+256*p.hb[2];CS&c=p.cs[cid&15];want=bl+hs[fmt];if(p.hn<want){p.need=want;continue;}
    const u8*h=p.hb+bl;u32 t=fmt<3?(h[0]<<16|h[1]<<8|h[2]):0;bool ext=fmt<3?t==0xffffff:c.ext;if(ext)want+=4;if(p.hn<want){p.need=want;continue;}
    if(ext){const u8*e=p.hb+bl+hs[fmt];t=(u32)e[0]<<24|e[1]<<16|e[2]<<8|e[3];}c.ext=ext;
    if(fmt<2){c.len=h[3]<<16|h[4]<<8|h[5];c.type=h[6];}
    if(c.n==0){if(fmt==0){c.ts=t;c.d=t;}else if(fmt<3){c.d=t;c.ts+=t;}else c.ts+=c.d;p.pkn=0;p.cmd.clear();}
    p.cur=&c;p.chunkLeft=min(p.inCs,c.len-c.n);p.ps=1;p.hn=0;p.need=1;break;}
   if(p.ps==0)return;}
  CS&c=*p.cur;u32 k=min<size_t>(p.chunkLeft,n-i);
  if(c.type==8||c.type==9){if(c.n<64){u32 q=min<u32>(k,64-c.n);memcpy(p.pk+c.n,b+i,q);}}else if(c.type!=18)p.cmd.append((char*)b+i,k);
  c.n+=k;p.chunkLeft-=k;i+=k;
  if(p.chunkLeft==0){p.ps=0;if(c.n>=c.len){u32 L=c.len;c.n=0;if(c.type==8||c.type==9)onMedia(p,c.type,c.ts,L,p.pk,min<u32>(L,64));else if(c.type!=18){string s;s.swap(p.cmd);onCmd(p,c,s);}}}
 }}
static void flvBytes(P&p,const u8*b,size_t n){size_t i=0;while(i<n){
  if(p.fs==0){u32 k=min<size_t>(13-p.fn,n-i);p.fn+=k;i+=k;if(p.fn==13){p.fs=1;p.fn=0;}}
  else if(p.fs==1){u32 k=min<size_t>(11-p.fn,n-i);memcpy(p.fh+p.fn,b+i,k);p.fn+=k;i+=k;if(p.fn==11){p.tagType=p.fh[0];p.tagLen=p.fh[1]<<16|p.fh[2]<<8|p.fh[3];p.tagTs=p.fh[4]<<16|p.fh[5]<<8|p.fh[6]|(u32)p.fh[7]<<24;p.tagGot=0;p.fs=2;p.fn=0;}}
  else{u32 k=min<size_t>(p.tagLen+4-p.tagGot,n-i);if(p.tagGot<64){u32 q=min<u32>(k,64-p.tagGot);memcpy(p.pk+p.tagGot,b+i,q);}p.tagGot+=k;i+=k;if(p.tagGot==p.tagLen+4){p.fs=1;if(p.tagType==8||p.tagType==9)onMedia(p,p.tagType,p.tagTs,p.tagLen,p.pk,min<u32>(p.tagLen,64));}}
 }}
static void wsBytes(P&p,const u8*b,size_t n){size_t i=0;while(i<n){
 if(p.wsLeft){size_t k=min<u64>(p.wsLeft,n-i);if(!p.wsSkip)flvBytes(p,b+i,k);p.wsLeft-=k;i+=k;continue;}
 p.wh[p.whn++]=b[i++];if(p.whn<2)continue;u32 l7=p.wh[1]&127,need=l7==126?4:l7==127?10:2;if(p.whn<need)continue;
 u64 l=l7;if(l7>125){l=0;for(u32 k=2;k<need;k++)l=l<<8|p.wh[k];}p.whn=0;u8 op=p.wh[0]&15;p.wsLeft=l;p.wsSkip=op>2;
 if(op==9)sendS(p,string("\x8a\x80\0\0\0\0",6));}}
static void flvIn(P&p,const u8*b,size_t n){size_t i=0;if(!p.hdrDone){p.hdr.append((char*)b,n);size_t e=p.hdr.find("\r\n\r\n");if(e==string::npos)return;p.hdrDone=true;p.chunked=strcasestr(p.hdr.substr(0,e).c_str(),"chunked")!=nullptr;p.playing=true;p.st=4;p.tPlay=now_ns();if(g_ws&&p.hdr.compare(0,12,"HTTP/1.1 101"))p.bad++;string rest=p.hdr.substr(e+4);p.hdr.clear();if(rest.size())flvIn(p,(const u8*)rest.data(),rest.size());return;}
 if(g_ws){wsBytes(p,b,n);return;}
 if(!p.chunked){flvBytes(p,b,n);return;}
 while(i<n){if(p.ck==0){char c=b[i++];if(c=='\n'){if(p.ckl.size()){p.ckLeft=strtoull(p.ckl.c_str(),0,16);p.ckl.clear();if(p.ckLeft)p.ck=1;}}else if(c!='\r')p.ckl.push_back(c);}
  else{u64 k=min<u64>(p.ckLeft,n-i);flvBytes(p,b+i,k);p.ckLeft-=k;i+=k;if(!p.ckLeft)p.ck=0;}}}
static double cpuOf(int pid,double*ut,double*stt){char f[64];snprintf(f,64,"/proc/%d/stat",pid);FILE*fp=fopen(f,"r");if(!fp)return -1;char b[2048];size_t r=fread(b,1,2047,fp);fclose(fp);b[r]=0;char*q=strrchr(b,')')+2;unsigned long u=0,s=0;sscanf(q,"%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",&u,&s);*ut=u/100.0;*stt=s/100.0;return *ut+*stt;}
static double schedOf(int pid){// precise runtime (ns) summed over threads
 char f[96];double t=0;snprintf(f,96,"ls /proc/%d/task",pid);FILE*p=popen(f,"r");char l[64];while(p&&fgets(l,64,p)){snprintf(f,96,"/proc/%d/task/%d/schedstat",pid,atoi(l));FILE*q=fopen(f,"r");if(q){unsigned long long a=0;if(fscanf(q,"%llu",&a)==1)t+=a/1e9;fclose(q);}}if(p)pclose(p);return t;}
static void cpuCore(int core,double*busy,double*soft){FILE*f=fopen("/proc/stat","r");char l[512];char k[16];snprintf(k,16,"cpu%d ",core);*busy=*soft=0;while(fgets(l,512,f))if(!strncmp(l,k,strlen(k))){unsigned long u,n,s,id,io,irq,so,stl=0;sscanf(l+strlen(k),"%lu %lu %lu %lu %lu %lu %lu %lu",&u,&n,&s,&id,&io,&irq,&so,&stl);*busy=(u+n+s+irq+so+stl)/100.0;*soft=so/100.0;}fclose(f);}
static long rssOf(int pid){char f[64];snprintf(f,64,"/proc/%d/statm",pid);FILE*fp=fopen(f,"r");if(!fp)return -1;long a,b=0;if(fscanf(fp,"%ld %ld",&a,&b)!=2)b=0;fclose(fp);return b*4/1024;}
int main(int c,char**v){setvbuf(stdout,0,_IOLBF,0);signal(SIGPIPE,SIG_IGN);raise_open_files();
 if(c>5&&!strcmp(v[1],"pub")){PublishPlan plan;auto at=[&](int i,double standard){return c>i?atof(v[i]):standard;};plan.kbps=at(6,1000);plan.fps=(int)at(7,30);plan.gop=(int)at(8,60);plan.secs=at(9,0);plan.streams=(int)at(10,1);plan.speed=at(11,1);return publish(v[2],atoi(v[3]),v[4],v[5],plan);}
 if(c<8){fprintf(stderr,"usage: see the first lines of loadgen.cpp\n");return 2;}
 g_ws=!strcmp(v[2],"ws");bool flv=g_ws||!strcmp(v[2],"flv");g_host=v[3];g_port=atoi(v[4]);g_app=v[5];g_name=v[6];int N=atoi(v[7]);double ramp=500,settle=3,win=10,split=0;int pid=0,core=0;for(int i=8;i+1<c;i+=2){string k=v[i];if(k=="-ramp")ramp=atof(v[i+1]);if(k=="-settle")settle=atof(v[i+1]);if(k=="-win")win=atof(v[i+1]);if(k=="-split")split=atof(v[i+1]);if(k=="-pid")pid=atoi(v[i+1]);if(k=="-streams")g_streams=atoi(v[i+1]);if(k=="-core")core=atoi(v[i+1]);}
 g_tc="rtmp://"+g_host+":"+to_string(g_port)+"/"+g_app;hist.assign(HB,0);vector<P> ps(N);int ep=epoll_create1(0);vector<u8> buf(1<<18);int opened=0,closed=0;u64 t0=now_ns();u64 tSettle=0,tWin=0;u64 b0=0,m0=0;double cpu0=0,u0=0,s0=0,cb0=0,cs0=0,sc0=0;long rss0=0,rssMax=0;u64 bytes=0;rusage ru0{};u64 nextRss=0,wEnd=0,lag=0;
 epoll_event ev[1024];
 for(;;){u64 t=now_ns();
  while(opened<N&&(t-t0)/1e9*ramp>=opened){P&p=ps[opened];p.idx=opened;p.tDial=t;p.fd=dial(v[3],g_port,true);if(p.fd<0){closed++;opened++;continue;}epoll_event e{};e.events=EPOLLOUT|EPOLLIN;e.data.u32=opened;epoll_ctl(ep,EPOLL_CTL_ADD,p.fd,&e);opened++;}
  int playing=0;if(opened==N&&!tSettle){for(auto&p:ps)playing+=p.playing;if(playing+closed>=N||(t-t0)/1e9>N/ramp+15){tSettle=t;fprintf(stderr,"opened %d playing %d closed %d in %.1fs\n",opened,playing,closed,(t-t0)/1e9);}}
  if(tSettle&&!tWin&&(t-tSettle)/1e9>=settle){tWin=winStart=t;splitAt=t+(u64)(split*1e9);inWin=true;fprintf(stderr,"window\n");b0=bytes;for(auto&p:ps)m0+=p.msgs;if(pid){cpu0=cpuOf(pid,&u0,&s0);sc0=schedOf(pid);rss0=rssOf(pid);}cpuCore(core,&cb0,&cs0);getrusage(RUSAGE_SELF,&ru0);}
  if(tWin&&(t-tWin)/1e9>=win)break;
  if(pid&&t>nextRss){rssMax=max(rssMax,rssOf(pid));nextRss=t+500000000;}
  int nap=opened<N?1:20;u64 w0=now_ns();if(inWin&&wEnd)lag=max(lag,w0-wEnd);int n=epoll_wait(ep,ev,1024,nap);g_now=wEnd=now_ns();if(inWin&&wEnd-w0>nap*(u64)1000000)lag=max(lag,wEnd-w0-nap*(u64)1000000);
  for(int i=0;i<n;i++){P&p=ps[ev[i].data.u32];if(p.fd<0)continue;
   if(p.st==0&&(ev[i].events&EPOLLOUT)){epoll_event e{};e.events=EPOLLIN;e.data.u32=ev[i].data.u32;epoll_ctl(ep,EPOLL_CTL_MOD,p.fd,&e);if(flv){sendS(p,"GET /"+g_app+"/"+nameOf(p)+".flv HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n"+(g_ws?"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n":"")+"\r\n");}else{string c1(1537,0);c1[0]=3;sendS(p,c1);}p.st=1;}
   if(ev[i].events&(EPOLLIN|EPOLLHUP|EPOLLERR)){ssize_t r=read(p.fd,buf.data(),buf.size());if(r<=0){if(r<0&&(errno==EAGAIN||errno==EINTR))continue;close(p.fd);p.fd=-1;closed++;continue;}p.bytes+=r;bytes+=r;g_now=now_ns();if(flv)flvIn(p,buf.data(),r);else rtmpIn(p,buf.data(),r);}}
 }
 u64 t=now_ns();double W=(t-tWin)/1e9;double u1=0,s1=0,cpu1=0,sc1=0,cb1,cs1;if(pid){cpu1=cpuOf(pid,&u1,&s1);sc1=schedOf(pid);}cpuCore(core,&cb1,&cs1);rusage ru1{};getrusage(RUSAGE_SELF,&ru1);double cl=(ru1.ru_utime.tv_sec-ru0.ru_utime.tv_sec+ru1.ru_stime.tv_sec-ru0.ru_stime.tv_sec)+(ru1.ru_utime.tv_usec-ru0.ru_utime.tv_usec+ru1.ru_stime.tv_usec-ru0.ru_stime.tv_usec)/1e6;
 int playing=0,live=0,stall=0,late=0;u64 bad=0,lost=0,tb=0,msgs=0;for(auto&p:ps){playing+=p.playing;if(p.fd>=0&&p.playing){u64 g=max(p.maxGap,p.lastRx?t-max(p.lastRx,tWin):(u64)(W*1e9));live+=p.lastRx>0;if(g>1000000000ull)stall++;if(p.maxDelay>1000000000ull)late++;}bad+=p.bad;lost+=p.lost;tb+=p.tsback;msgs+=p.msgs;}
 double sc=sc1-sc0;
 vector<double> firsts;u64 gapB=0,gapA=0;for(auto&p:ps){if(p.tFirst)firsts.push_back((p.tFirst-p.tDial)/1e6);gapB=max(gapB,p.gapBase);u64 end=p.fd>=0&&p.lastRx?t-max(p.lastRx,splitAt):0;gapA=max(gapA,max(p.gap,end));}sort(firsts.begin(),firsts.end());auto firstAt=[&](double q){return firsts.empty()?-1.0:firsts[min(firsts.size()-1,(size_t)(q*firsts.size()))];};
 printf("{\"n\":%d,\"live\":%d,\"closed\":%d,\"win\":%.1f,\"srv_cpu\":%.3f,\"util\":%.3f,\"us_per_player_s\":%.1f,\"usr_pct\":%.0f,\"core_busy\":%.2f,\"core_soft\":%.2f,\"mbps\":%.0f,\"msgs_s\":%.0f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.0f,\"stall1s\":%d,\"late1s\":%d,\"lost\":%llu,\"bad\":%llu,\"tsback\":%llu,\"rss\":%ld,\"cli_util\":%.2f,\"started\":%zu,\"first_p50\":%.0f,\"first_p99\":%.0f,\"first_max\":%.0f,\"gap_base\":%.0f,\"gap\":%.0f,\"own_lag\":%.0f}\n",N,live,closed,W,sc,sc/W,live?sc*1e6/(live*W):0.0,(cpu1-cpu0)>0?100*(u1-u0)/(cpu1-cpu0):0.0,(cb1-cb0)/W,(cs1-cs0)/W,(bytes-b0)*8/W/1e6,(msgs-m0)/W,pct(.5),pct(.99),pct(.999),(double)[&]{u64 m=0;for(auto&p:ps)m=max(m,p.maxDelay);return m/1e6;}(),stall,late,(unsigned long long)lost,(unsigned long long)bad,(unsigned long long)tb,rssMax,cl/W,firsts.size(),firstAt(.5),firstAt(.99),firstAt(1),gapB/1e6,gapA/1e6,lag/1e6);
 return 0;}
